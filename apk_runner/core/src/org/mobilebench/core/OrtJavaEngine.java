package org.mobilebench.core;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * ONNX Runtime through its Java classes, configured as the native runner configures it. The native runner calls the same
 * library without them; this class shows what they cost.
 */
public final class OrtJavaEngine implements Engine {
    private OrtEnvironment environment;
    private SessionOptions settings;
    private OrtSession session;
    private List<Tensor> inputs;
    private Options options;
    private Map<String, Tensor> outputs;

    @Override
    public List<String> backends() {
        return Collections.singletonList("cpu");
    }

    @Override
    public String load(Options options) throws Refusal {
        Telemetry.forbid();
        try {
            environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "mobilebench");
            environment.setTelemetry(false);
            return environment.getVersion();
        } catch (OrtException error) {
            throw refusal("no environment", error);
        } catch (LinkageError | RuntimeException error) {
            throw Refusal.unsupported("ONNX Runtime's Java classes cannot load their library: " + error.getMessage());
        }
    }

    @Override
    public void open(ByteBuffer model, List<Tensor> inputs, Options options, Setup setup) throws Refusal {
        this.inputs = inputs;
        this.options = options;
        try {
            settings = new SessionOptions();
            settings.setIntraOpNumThreads(options.threads);
            settings.setInterOpNumThreads(1);
            settings.setExecutionMode(SessionOptions.ExecutionMode.SEQUENTIAL);
            settings.setOptimizationLevel(SessionOptions.OptLevel.ALL_OPT);
            session = environment.createSession(model, settings);
        } catch (OrtException error) {
            throw refusal("the model cannot be opened", error);
        }
        if (session.getNumInputs() != inputs.size()) {
            throw Refusal.error(
                    "the model has " + session.getNumInputs() + " inputs, but " + inputs.size() + " were given");
        }
    }

    @Override
    public void predict() throws Refusal {
        Map<String, OnnxTensor> given = new LinkedHashMap<>();
        try {
            for (Tensor input : inputs) {
                given.put(input.name, OnnxTensor.createTensor(environment, input.data, input.shape, type(input.format)));
            }
            try (OrtSession.Result result = session.run(given, options.outputs.keySet())) {
                outputs = copied(result);
            }
        } catch (OrtException error) {
            throw refusal("the model cannot be run", error);
        } finally {
            for (OnnxTensor one : given.values()) {
                one.close();
            }
        }
    }

    private Map<String, Tensor> copied(OrtSession.Result result) throws Refusal {
        Map<String, Tensor> all = new LinkedHashMap<>();
        for (Map.Entry<String, OnnxValue> entry : result) {
            if (!(entry.getValue() instanceof OnnxTensor)) {
                throw unhandled(entry.getKey());
            }
            OnnxTensor tensor = (OnnxTensor) entry.getValue();
            TensorInfo info = tensor.getInfo();
            ByteBuffer data = tensor.getByteBuffer();
            all.put(entry.getKey(), new Tensor(entry.getKey(), format(entry.getKey(), info.type), info.getShape(), data));
        }
        return all;
    }

    @Override
    public List<Tensor> outputs() {
        List<Tensor> ordered = new ArrayList<>();
        for (String name : options.outputs.keySet()) {
            ordered.add(outputs.get(name));
        }
        return ordered;
    }

    @Override
    public void prove(Proof proof) {
        proof.library("libonnxruntime.so");
        proof.note("ONNX Runtime's Java classes do not report which nodes its providers took");
    }

    @Override
    public void close() {
        try {
            if (session != null) {
                session.close();
            }
        } catch (OrtException error) {
            session = null;
        }
        if (settings != null) {
            settings.close();
        }
    }

    private static Refusal refusal(String what, OrtException error) {
        String words = what + ": " + error.getMessage();
        return error.getCode() == OrtException.OrtErrorCode.ORT_NOT_IMPLEMENTED
                ? Refusal.unsupported(words)
                : Refusal.error(words);
    }

    private static Refusal unhandled(String name) {
        return Refusal.error("output `" + name + "` has a number format or shape that is not handled");
    }

    private static OnnxJavaType type(NumberFormat format) {
        switch (format) {
            case FLOAT32:
                return OnnxJavaType.FLOAT;
            case INT32:
                return OnnxJavaType.INT32;
            case INT64:
                return OnnxJavaType.INT64;
            case INT8:
                return OnnxJavaType.INT8;
            case UINT8:
                return OnnxJavaType.UINT8;
            default:
                return OnnxJavaType.BOOL;
        }
    }

    private static NumberFormat format(String name, OnnxJavaType type) throws Refusal {
        for (NumberFormat format : NumberFormat.values()) {
            if (type(format) == type) {
                return format;
            }
        }
        throw unhandled(name);
    }
}
