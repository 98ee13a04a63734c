package org.mobilebench.core;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * An engine that only has Java classes: one method for each stage of a block. Each of them may refuse, with a sentence. To
 * add an engine, write such a class, and name it in {@link Engines}.
 */
public interface Engine {
    /** Names of its backends; the first one is the default. */
    List<String> backends();

    /** Loads the engine's library: the part {@code library_load} of setup. Returns the engine's version. */
    String load(Options options) throws Refusal;

    /**
     * Makes a session of the model: the part {@code session_creation} of setup. An engine that has others ends them itself
     * by {@link Setup#end}.
     */
    void open(ByteBuffer model, List<Tensor> inputs, Options options, Setup setup) throws Refusal;

    /** Computes one prediction, from the inputs in memory to the outputs in memory. */
    void predict() throws Refusal;

    /** The outputs of the last prediction, in the order of the options. */
    List<Tensor> outputs() throws Refusal;

    /** Adds what can be read back from the engine after the last prediction. */
    void prove(Proof proof) throws Refusal;

    /** Frees everything; also called after a refusal. */
    void close();
}
