package org.mobilebench.core;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The C runner as a library of this process ({@code libmobilebench-runner.so}): the same code as the program that a shell
 * starts.
 */
public final class NativeRunner {
    private static final String LIBRARY = "mobilebench-runner";

    private NativeRunner() {}

    /**
     * Measures one block on this thread, and writes the answer.
     *
     * @param arguments those of {@code mobilebench-runner}
     * @return the runner's exit code
     * @throws Refusal the library is missing or cannot be loaded
     */
    static int run(List<String> arguments, File answer, Progress progress) throws Refusal {
        load();
        try {
            byte[][] words = new byte[arguments.size()][];
            for (int i = 0; i < words.length; i++) {
                words[i] = utf8(arguments.get(i));
            }
            return run(words, utf8(answer.getPath()), progress);
        } catch (UnsatisfiedLinkError error) {
            throw cannot(error);
        }
    }

    /** Sets an environment variable for the native code of this process. */
    static void setVariable(String name, String value) throws Refusal {
        load();
        try {
            setVariable(utf8(name), utf8(value));
        } catch (UnsatisfiedLinkError error) {
            throw cannot(error);
        }
    }

    private static void load() throws Refusal {
        try {
            System.loadLibrary(LIBRARY);
        } catch (UnsatisfiedLinkError error) {
            throw cannot(error);
        }
    }

    private static Refusal cannot(UnsatisfiedLinkError error) {
        return Refusal.error("the native runner cannot be loaded: " + error.getMessage());
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static native int run(byte[][] arguments, byte[] answer, Progress progress);

    private static native void setVariable(byte[] name, byte[] value);
}
