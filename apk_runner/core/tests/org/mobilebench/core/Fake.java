package org.mobilebench.core;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** An engine whose output is its input. */
final class Fake implements Engine {
    int predictions;
    int failsAfter = Integer.MAX_VALUE;
    boolean closed;
    private List<Tensor> inputs;
    private final List<Tensor> outputs = new ArrayList<>();

    @Override
    public List<String> backends() {
        return Collections.singletonList("cpu");
    }

    @Override
    public String load(Options options) {
        return "7";
    }

    @Override
    public void open(ByteBuffer model, List<Tensor> inputs, Options options, Setup setup) throws Refusal {
        if (model.get(0) == '!') {
            throw Refusal.error("the model cannot be opened: it is bad");
        }
        setup.end("delegate_preparation");
        this.inputs = inputs;
    }

    @Override
    public void predict() throws Refusal {
        if (predictions == failsAfter) {
            throw Refusal.error("the model cannot be run: it had enough");
        }
        predictions++;
        if (inputs != null) {
            outputs.clear();
            Tensor input = inputs.get(0);
            outputs.add(new Tensor("y", input.format, input.shape, input.data.duplicate()));
        }
    }

    @Override
    public List<Tensor> outputs() {
        return outputs;
    }

    @Override
    public void prove(Proof proof) {
        proof.backend("cpu");
        proof.note("it is a fake");
    }

    @Override
    public void close() {
        closed = true;
    }
}
