package org.mobilebench.core;

import java.io.File;

/** Runs jobs: one block each, from {@code job.json} to the answer. */
public final class Jobs {
    /** As large as that of a program's main thread, on which the shell's runner measures. */
    private static final long STACK_BYTES = 8L << 20;

    private Jobs() {}

    /**
     * Measures what a job asks for, on a thread of its own, and writes the answer: a measurement, or the reason why there
     * is none.
     *
     * @return the runner's exit code: 0 measured, 1 error, 2 bad job or argument, 3 unsupported, 4 answer not written
     */
    public static int run(File job, File answer, Progress progress) {
        int[] code = {Answers.NOT_WRITTEN};
        Thread thread = new Thread(null, () -> code[0] = measure(job, answer, progress), "mobilebench", STACK_BYTES);
        thread.start();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException error) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        progress.stage("done");
        return code[0];
    }

    private static int measure(File job, File answer, Progress progress) {
        try {
            Job read = Job.read(job);
            if (read.runner.equals("native")) {
                return NativeRunner.run(read.arguments, answer, progress);
            }
            throw Refusal.unsupported("there is no engine in Java yet");
        } catch (Refusal why) {
            return refuse(why, answer);
        } catch (RuntimeException | Error error) {
            return refuse(Refusal.error("the app failed: " + error), answer);
        }
    }

    private static int refuse(Refusal why, File answer) {
        return Answers.write(Answers.refusal("unknown", why), answer) ? why.code : Answers.NOT_WRITTEN;
    }
}
