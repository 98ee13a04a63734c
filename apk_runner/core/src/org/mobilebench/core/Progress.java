package org.mobilebench.core;

/** Receives the stages of a job as they begin. */
public interface Progress {
    /**
     * A stage begins: {@code setup}, {@code warmup} or {@code prediction}; or the answer is written: {@code done}. It is
     * called on the thread that measures, outside of what is timed.
     */
    void stage(String name);
}
