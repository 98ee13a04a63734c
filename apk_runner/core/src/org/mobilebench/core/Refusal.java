package org.mobilebench.core;

/** A reason why there is no measurement, as a sentence for people, and the exit code that follows from it. */
public final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    public static final int ERROR = 1;
    public static final int BAD_ARGUMENT = 2;
    public static final int UNSUPPORTED = 3;

    public final int code;

    private Refusal(int code, String words) {
        super(words);
        this.code = code;
    }

    /** Something failed that might succeed another time. */
    public static Refusal error(String words) {
        return new Refusal(ERROR, words);
    }

    /** The job or one of its arguments is missing or wrong. */
    public static Refusal badArgument(String words) {
        return new Refusal(BAD_ARGUMENT, words);
    }

    /** The engine or this device cannot do it. */
    public static Refusal unsupported(String words) {
        return new Refusal(UNSUPPORTED, words);
    }
}
