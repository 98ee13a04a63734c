package org.mobilebench.core;

import java.io.File;
import org.json.JSONObject;

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
        Progress heard = stage -> tell(progress, stage);
        int[] code = {Answers.NOT_WRITTEN};
        Thread thread = new Thread(null, () -> code[0] = measure(job, answer, heard), "mobilebench", STACK_BYTES);
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
        heard.stage("done");
        return code[0];
    }

    /** Tells a stage. What is thrown there is dropped: it must not end a measurement. */
    private static void tell(Progress progress, String stage) {
        try {
            progress.stage(stage);
        } catch (RuntimeException error) {
            System.err.println("mobilebench: the stage " + stage + " could not be told: " + error);
        }
    }

    private static int measure(File job, File answer, Progress progress) {
        String engine = "unknown";
        try {
            Job read = Job.read(job);
            if (read.runner.equals("native")) {
                return NativeRunner.run(read.arguments, answer, progress);
            }
            Options options = Options.parse(read.arguments);
            engine = options.engine;
            JSONObject measured = new Block(Engines.named(engine), options, progress).run();
            return Answers.write(measured, answer) ? 0 : Answers.NOT_WRITTEN;
        } catch (Refusal why) {
            return refuse(engine, why, answer);
        } catch (RuntimeException | Error error) {
            return refuse(engine, Refusal.error("the app failed: " + error), answer);
        }
    }

    private static int refuse(String engine, Refusal why, File answer) {
        return Answers.write(Answers.refusal(engine, why), answer) ? why.code : Answers.NOT_WRITTEN;
    }
}
