package org.mobilebench.core;

import java.io.File;

/**
 * Runs one job on a computer's virtual machine: {@code java -Djava.library.path=DIR -cp core.jar:json.jar
 * org.mobilebench.core.Main JOB ANSWER}.
 *
 * <p>Each stage is a line {@code stage=NAME} on standard output as it begins. The exit code is the runner's.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            System.err.println("usage: java org.mobilebench.core.Main JOB ANSWER");
            System.exit(Refusal.BAD_ARGUMENT);
        }
        System.exit(Jobs.run(new File(arguments[0]), new File(arguments[1]), Main::tell));
    }

    private static void tell(String stage) {
        System.out.println("stage=" + stage);
        System.out.flush();
    }
}
