package org.mobilebench.core;

import java.io.File;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** One block of an engine in Java: setup, warmup and predictions of one case, with proof, in the native runner's schema. */
final class Block {
    private final Engine engine;
    private final Options options;
    private final Progress progress;
    private final Proof proof = new Proof();
    private final ThreadTimes threads = new ThreadTimes();
    private final JSONObject answer = new JSONObject();
    private final ClockFacts clock;

    Block(Engine engine, Options options, Progress progress) {
        this.engine = engine;
        this.options = options;
        this.progress = progress;
        clock = ClockFacts.observe();
    }

    /**
     * Measures, and returns the answer.
     *
     * @throws Refusal a stage failed
     */
    JSONObject run() throws Refusal {
        if (options.backend != null && !engine.backends().contains(options.backend)) {
            throw Refusal.badArgument("engine `" + options.engine + "` in Java has no backend `" + options.backend + "`");
        }
        try {
            put(answer, "schema", Answers.SCHEMA);
            put(answer, "status", "ok");
            put(answer, "engine", options.engine);
            if (options.check) {
                put(answer, "version", engine.load(options));
            } else {
                measure();
            }
            return answer;
        } finally {
            engine.close();
        }
    }

    private void measure() throws Refusal {
        proof.note(
                "measured by the engine's Java classes; of the threads of this process, the proof leaves out those of the "
                        + "app and its virtual machine: " + threads.left() + " from before the block, and later ones by "
                        + "their names");
        List<Tensor> inputs = new ArrayList<>();
        for (Input input : options.inputs) {
            inputs.add(input.make(inputs.size()));
        }
        progress.stage("setup");
        put(answer, "setup_ms", new JSONObject(setUp(inputs)));

        progress.stage("warmup");
        long began = System.nanoTime();
        engine.predict();
        put(answer, "warmup_ms", new JSONArray().put((System.nanoTime() - began) / 1e6));
        JSONArray first = options.firstAnswer ? outputs() : null;

        progress.stage("prediction");
        Predictions predictions = new Predictions(engine, options);
        threads.begin();
        predictions.take(clock, proof.notes);
        List<Double> times = threads.since();
        JSONArray samples = new JSONArray();
        for (double sample : predictions.samples()) {
            number(samples, sample);
        }
        put(answer, "prediction_ms", samples);
        put(answer, "predictions_per_sample", predictions.group);
        put(answer, "pass", "timing");
        put(answer, "output", first == null ? outputs() : first);
        engine.prove(proof);
        put(answer, "proof", proven(times));
    }

    private Map<String, Double> setUp(List<Tensor> inputs) throws Refusal {
        Setup setup = new Setup();
        put(answer, "version", engine.load(options));
        setup.end("library_load");
        ByteBuffer model = ModelFile.read(options.model, options.modelMapped);
        setup.end("model_read");
        engine.open(model, inputs, options, setup);
        setup.end("session_creation");
        return setup.parts;
    }

    private JSONArray outputs() throws Refusal {
        JSONArray all = new JSONArray();
        try {
            for (Tensor output : engine.outputs()) {
                all.put(Summary.of(options.outputs.get(output.name), output, options.samples));
            }
        } catch (JSONException error) {
            throw new IllegalStateException(error);
        }
        return all;
    }

    private JSONObject proven(List<Double> times) {
        JSONObject json = new JSONObject();
        JSONArray files = new JSONArray();
        put(files, options.model, new File(options.model).length());
        for (Map.Entry<String, Long> file : proof.files.entrySet()) {
            put(files, file.getKey(), file.getValue());
        }
        put(json, "files", files);
        put(json, "backend", proof.backend);
        threads(json, times);
        conditions(json);
        put(json, "model_access", options.modelMapped ? "mapped" : "read");
        put(json, "caches_asked", "as found");
        put(json, "clock_resolution_ms", clock.resolution);
        put(json, "clock_cost_ms", clock.cost);
        put(json, "environment", Telemetry.environment());
        put(json, "notes", new JSONArray(proof.notes));
        return json;
    }

    private static void threads(JSONObject json, List<Double> times) {
        if (times == null) {
            return;
        }
        put(json, "thread_cpu_ms", new JSONArray(times));
        put(json, "threads_alive", times.size());
        if (ThreadTimes.atWork(times) > 0) {
            put(json, "threads", ThreadTimes.atWork(times));
            put(json, "threads_source", "CPU time of every thread of the process during the predictions");
        }
    }

    private void conditions(JSONObject json) {
        put(json, "affinity_asked", "none");
        List<Integer> cpus = Proc.cpus(Proc.thisThread());
        if (cpus != null) {
            boolean kept = true;
            for (int thread : threads.own()) {
                List<Integer> of = Proc.cpus(thread);
                kept = kept && (of == null || of.equals(cpus));
            }
            put(json, "affinity", new JSONArray(cpus));
            put(json, "affinity_kept", kept);
        }
        put(json, "cpuset", Proc.cpuset());
        put(json, "priority", Proc.priority(Proc.thisThread()));
    }

    private static void put(JSONArray files, String name, long bytes) {
        JSONObject file = new JSONObject();
        put(file, "name", name);
        put(file, "bytes", bytes);
        files.put(file);
    }

    /** A value that is null stays out. */
    private static void put(JSONObject json, String name, Object value) {
        try {
            json.put(name, value);
        } catch (JSONException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void number(JSONArray list, double value) {
        try {
            list.put(value);
        } catch (JSONException error) {
            throw new IllegalStateException(error);
        }
    }
}
