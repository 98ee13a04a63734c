package org.mobilebench.app;

import android.content.ComponentName;
import android.content.Context;
import android.content.ContextWrapper;
import android.content.Intent;
import android.os.Bundle;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The instrumentation with what it would ask Android for written down: components, status lines, results. */
final class Recorded extends RunnerInstrumentation {
    static final String ID = "c0ffee";
    static final String[] SLEEP = {"--engine", "sleep", "--threads", "1", "--max-predictions", "3", "--model", "/x/net.onnx"};

    private static final long SECONDS = 60;

    final List<String> stages = new CopyOnWriteArrayList<>();
    final BlockingQueue<Intent> asked = new LinkedBlockingQueue<>();
    final File folder;
    /** Called on the thread of the job when predictions begin. */
    Runnable atPredictions = () -> {};
    /** Thrown instead of starting a component. */
    RuntimeException refusal;
    long arrivalMs = super.arrivalMs();

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Context context;
    private volatile Bundle results;

    Recorded(Context app) {
        folder = new File(app.getFilesDir(), "jobs/" + ID);
        context = new ContextWrapper(app) {
            @Override
            public void startActivity(Intent intent) {
                ask(intent);
            }

            @Override
            public ComponentName startForegroundService(Intent intent) {
                ask(intent);
                return intent.getComponent();
            }
        };
    }

    private void ask(Intent intent) {
        if (refusal != null) {
            throw refusal;
        }
        asked.add(intent);
    }

    @Override
    public Context getTargetContext() {
        return context;
    }

    @Override
    public void sendStatus(int code, Bundle status) {
        String stage = status.getString("stage");
        stages.add(stage);
        if (stage.equals("prediction")) {
            atPredictions.run();
        }
    }

    @Override
    public void finish(int code, Bundle results) {
        results.putInt("code", code);
        this.results = results;
        ended.countDown();
    }

    @Override
    long arrivalMs() {
        return arrivalMs;
    }

    void put(String context, String... words) throws IOException, JSONException {
        put(job(context, words).toString());
    }

    void put(String text) throws IOException {
        Files.createDirectories(folder.toPath());
        Files.write(new File(folder, "job.json").toPath(), text.getBytes(StandardCharsets.UTF_8));
    }

    static JSONObject job(String context, String... words) throws JSONException {
        JSONArray arguments = new JSONArray();
        for (String word : words) {
            arguments.put(word);
        }
        return new JSONObject()
                .put("schema", "mobilebench.job/1")
                .put("id", ID)
                .put("runner", "native")
                .put("context", context)
                .put("arguments", arguments);
    }

    void begin(String job, String context) {
        Bundle arguments = new Bundle();
        arguments.putString("job", job);
        arguments.putString("context", context);
        onCreate(arguments);
    }

    Intent component() throws InterruptedException {
        Intent intent = asked.poll(SECONDS, TimeUnit.SECONDS);
        if (intent == null) {
            throw new AssertionError("no component was started");
        }
        return intent;
    }

    Bundle results() throws InterruptedException {
        if (!ended.await(SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the instrumentation did not end");
        }
        return results;
    }

    JSONObject json(String name) throws IOException, JSONException {
        return new JSONObject(new String(Files.readAllBytes(new File(folder, name).toPath()), StandardCharsets.UTF_8));
    }

    /** Keeps the answer for the test that started this JVM, which knows the whole schema. */
    void keep(String name) throws IOException {
        File kept = new File(System.getProperty("mobilebench.kept"));
        for (String part : new String[] {"answer", "app"}) {
            Files.copy(new File(folder, part + ".json").toPath(), new File(kept, name + "." + part + ".json").toPath());
        }
    }
}
