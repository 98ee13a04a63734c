package org.mobilebench.app;

import android.app.Activity;
import android.app.ActivityManager.RunningAppProcessInfo;
import android.app.Instrumentation;
import android.content.Context;
import android.content.Intent;
import android.os.Bundle;
import android.os.SystemClock;
import android.util.Log;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.json.JSONException;
import org.mobilebench.core.Job;
import org.mobilebench.core.Jobs;
import org.mobilebench.core.Refusal;

/**
 * Runs one job: {@code am instrument -w -r -e job ID -e context app-service org.mobilebench.app/.RunnerInstrumentation}.
 *
 * <p>The job is {@code files/jobs/ID/job.json}. The core runs it on a thread of its own when the activity or the service of its
 * context is there. Beside it lie afterwards {@code answer.json}, by the core, and {@code app.json}, which says what this process was. The result {@code exit} is the
 * runner's exit code; {@code error} says why a job was not run.
 */
public class RunnerInstrumentation extends Instrumentation {
    static final String TAG = "mobilebench";
    static final String FOREGROUND = "app-foreground";
    static final String SERVICE = "app-service";

    private static final int FAILED = 1;
    private static final int BAD_JOB = 2;
    private static final long SETTLING_MS = 2_000;

    private Bundle arguments = new Bundle();

    @Override
    public void onCreate(Bundle arguments) {
        super.onCreate(arguments);
        if (arguments != null) {
            this.arguments = arguments;
        }
        start();
    }

    @Override
    public void onStart() {
        super.onStart();
        Bundle results = new Bundle();
        try {
            results.putString("exit", Integer.toString(run()));
        } catch (NotRun reason) {
            results.putString("exit", Integer.toString(reason.code));
            results.putString("error", reason.getMessage());
        } catch (Exception | LinkageError error) {
            Log.e(TAG, "the job failed", error);
            results.putString("exit", Integer.toString(FAILED));
            results.putString("error", oneLine(error));
        }
        finish(Activity.RESULT_OK, results);
    }

    private int run() throws NotRun, IOException, InterruptedException, JSONException {
        String id = arguments.getString("job", "");
        String context = arguments.getString("context", "");
        if (!id.matches("[0-9a-f]{1,64}")) {
            throw new NotRun(BAD_JOB, "The job's id has to be 1 to 64 digits of a hexadecimal number (-e job ID).");
        }
        if (!context.equals(FOREGROUND) && !context.equals(SERVICE)) {
            throw new NotRun(BAD_JOB, "The context has to be app-foreground or app-service (-e context NAME).");
        }
        File folder = new File(getTargetContext().getFilesDir(), "jobs/" + id);
        File file = new File(folder, "job.json");
        if (!file.isFile()) {
            throw new NotRun(BAD_JOB, "There is no files/jobs/" + id + "/job.json.");
        }
        File answer = new File(folder, "answer.json");
        Job job = jobIn(file);
        if (job == null) {
            return Jobs.run(file, answer, this::stage);
        }
        if (!context.equals(job.context)) {
            throw new NotRun(BAD_JOB, "The job is for context " + job.context + ", not for " + context + ".");
        }
        startComponent(context, modelOf(job.arguments));
        Proof before = settled(context);
        int code = Jobs.run(file, answer, this::stage);
        boolean visible = context.equals(FOREGROUND) && Presence.stayed();
        Proof proof = Proof.lesser(before, Proof.read(getTargetContext()));
        write(new File(folder, "app.json"), proof.of(id, context, visible).toString());
        return code;
    }

    /** The job; null when it cannot be read, of which the core writes the answer. */
    private static Job jobIn(File file) {
        try {
            return Job.read(file);
        } catch (Refusal why) {
            return null;
        }
    }

    /** How long the activity or service may take to be there. */
    long arrivalMs() {
        return 10_000;
    }

    private void startComponent(String context, String model) throws NotRun, InterruptedException {
        Context target = getTargetContext();
        Presence.expect();
        if (context.equals(FOREGROUND)) {
            target.startActivity(new Intent(target, RunnerActivity.class)
                    .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
                    .putExtra(RunnerActivity.MODEL, model));
        } else {
            target.startForegroundService(new Intent(target, RunnerService.class));
        }
        if (!Presence.await(arrivalMs())) {
            throw new NotRun(FAILED, context.equals(FOREGROUND)
                    ? "The app did not come to the foreground within 10 s: is the screen locked, or another app in front?"
                    : "The foreground service did not start within 10 s.");
        }
    }

    /** The proof, as soon as Android has given this process its importance; as it is when that takes too long. */
    private Proof settled(String context) throws JSONException, InterruptedException {
        int wanted = context.equals(FOREGROUND)
                ? RunningAppProcessInfo.IMPORTANCE_FOREGROUND
                : RunningAppProcessInfo.IMPORTANCE_FOREGROUND_SERVICE;
        long end = SystemClock.uptimeMillis() + SETTLING_MS;
        while (Proof.importance() > wanted && SystemClock.uptimeMillis() < end) {
            Thread.sleep(20);
        }
        return Proof.read(getTargetContext());
    }

    private void stage(String name) {
        Log.i(TAG, name);
        Bundle status = new Bundle();
        status.putString("stage", name);
        sendStatus(0, status);
        RunnerActivity.show(name);
    }

    /** The file name of the model in a runner's arguments; empty without one. */
    static String modelOf(List<String> arguments) {
        int place = arguments.indexOf("--model");
        return place >= 0 && place + 1 < arguments.size() ? new File(arguments.get(place + 1)).getName() : "";
    }

    private static void write(File file, String text) throws IOException {
        File beside = new File(file.getPath() + ".part");
        try (FileOutputStream stream = new FileOutputStream(beside)) {
            stream.write((text + "\n").getBytes(StandardCharsets.UTF_8));
            stream.getFD().sync();
        }
        if (!beside.renameTo(file)) {
            throw new IOException(file.getName() + " could not be written");
        }
    }

    private static String oneLine(Throwable error) {
        return String.valueOf(error).replaceAll("\\s+", " ");
    }

    /** A job that is not run; the message says why. */
    private static final class NotRun extends Exception {
        private static final long serialVersionUID = 1;

        final int code;

        NotRun(int code, String message) {
            super(message);
            this.code = code;
        }
    }
}
