package org.mobilebench.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The runner's arguments, as far as they have a meaning for an engine that only has Java classes. Others are refused, each
 * with a sentence: nothing that was asked for is ignored.
 */
public final class Options {
    private static final int MOST_TENSORS = 128;
    private static final int MOST_THREADS = 256;
    private static final int MOST_PREDICTIONS = 1_000_000;
    private static final int MOST_SAMPLES = 65_536;
    private static final int MOST_BATCH = 65_536;
    private static final double MOST_SECONDS = 86_400;

    public final String engine;
    /** Null: the engine's first backend. */
    public final String backend;
    public final int threads;
    /** Only try to load the engine. */
    public final boolean check;

    final String model;
    final boolean modelMapped;
    final int minPredictions;
    final int maxPredictions;
    final double maxSeconds;
    /** Most values of each output that are reported. */
    final int samples;
    /** Report the outputs of warmup instead of those of the last prediction. */
    final boolean firstAnswer;
    final List<Input> inputs = new ArrayList<>();
    /** Name in the model's file to the canonical name. */
    public final Map<String, String> outputs = new LinkedHashMap<>();

    private Options(List<String> arguments) throws Refusal {
        Map<String, String> given = new LinkedHashMap<>();
        for (int i = 0; i < arguments.size(); i += 2) {
            String name = arguments.get(i);
            if (i + 1 == arguments.size()) {
                throw Refusal.badArgument("option `" + name + "` lacks its value");
            }
            String value = arguments.get(i + 1);
            if (name.equals("--input")) {
                inputs.add(Input.parse(value));
            } else if (name.equals("--output")) {
                output(value);
            } else {
                given.put(name, value);
            }
        }
        engine = given.remove("--engine");
        backend = given.remove("--backend");
        threads = whole(given, "--threads", 1, MOST_THREADS, 0);
        model = given.remove("--model");
        modelMapped = choice(given, "--model-access", "read", "mapped").equals("mapped");
        minPredictions = whole(given, "--min-predictions", 1, MOST_PREDICTIONS, 3);
        maxPredictions = whole(given, "--max-predictions", 1, MOST_PREDICTIONS, 20);
        maxSeconds = seconds(given.remove("--max-seconds"));
        samples = whole(given, "--samples", 1, MOST_SAMPLES, 64);
        firstAnswer = choice(given, "--answer", "last", "first").equals("first");
        check = !choice(given, "--check", "nothing", "library", "delegate").equals("nothing");
        /* A permission, which asks for nothing by itself. */
        whole(given, "--allow-fp16", 0, 1, 0);
        int batch = whole(given, "--batch", 1, MOST_BATCH, 0);
        refuse(given);
        require();
        for (int i = 0; batch > 0 && i < inputs.size(); i++) {
            inputs.get(i).batch(batch);
        }
    }

    /** Reads and checks arguments. */
    public static Options parse(List<String> arguments) throws Refusal {
        return new Options(arguments);
    }

    /** Refuses what is left: options that no engine in Java can follow, and unknown ones. */
    private static void refuse(Map<String, String> given) throws Refusal {
        String pass = given.remove("--pass");
        if (pass != null && !pass.equals("timing")) {
            throw Refusal.unsupported("an engine in Java has no pass `" + pass + "`; the native runner has");
        }
        given.remove("--memory-period");
        if ("none".equals(given.get("--affinity"))) {
            given.remove("--affinity");
        }
        if ("as found".equals(given.get("--page-cache"))) {
            given.remove("--page-cache");
        }
        List<String> known =
                Arrays.asList("--delegate", "--arithmetic", "--library", "--delegate-library", "--cache", "--scratch",
                        "--affinity", "--priority", "--page-cache");
        for (String name : given.keySet()) {
            if (known.contains(name)) {
                throw Refusal.unsupported("`" + name + "` has no meaning for an engine in Java; the native runner has it");
            }
            throw Refusal.badArgument("unknown option `" + name + "`");
        }
    }

    private void require() throws Refusal {
        if (engine == null) {
            throw Refusal.badArgument("--engine is missing");
        }
        if (threads == 0) {
            throw Refusal.badArgument("--threads is missing");
        }
        if (minPredictions > maxPredictions) {
            throw Refusal.badArgument(
                    "--min-predictions (" + minPredictions + ") is more than --max-predictions (" + maxPredictions + ")");
        }
        if (check) {
            return;
        }
        if (model == null) {
            throw Refusal.badArgument("engine `" + engine + "` needs --model");
        }
        if (inputs.isEmpty() || outputs.isEmpty()) {
            throw Refusal.badArgument("engine `" + engine + "` needs at least one --input and one --output");
        }
        if (inputs.size() > MOST_TENSORS || outputs.size() > MOST_TENSORS) {
            throw Refusal.badArgument("more than " + MOST_TENSORS + " inputs or outputs");
        }
    }

    private void output(String value) throws Refusal {
        int at = value.indexOf('=');
        if (at <= 0 || at + 1 == value.length()) {
            throw Refusal.badArgument("--output takes CANONICAL=NAME");
        }
        if (outputs.put(value.substring(at + 1), value.substring(0, at)) != null) {
            throw Refusal.badArgument("--output names `" + value.substring(at + 1) + "` twice");
        }
    }

    private static int whole(Map<String, String> given, String name, int low, int high, int otherwise) throws Refusal {
        String text = given.remove(name);
        if (text == null) {
            return otherwise;
        }
        int value = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
        if (value < low || value > high) {
            throw Refusal.badArgument(name + " has to be " + low + " to " + high);
        }
        return value;
    }

    private static double seconds(String text) throws Refusal {
        double value = text == null ? 1 : Input.number(text);
        if (!(value > 0 && value <= MOST_SECONDS)) {
            throw Refusal.badArgument("--max-seconds has to be above 0 and at most 86400");
        }
        return value;
    }

    private static String choice(Map<String, String> given, String name, String... names) throws Refusal {
        String value = given.containsKey(name) ? given.remove(name) : names[0];
        if (!Arrays.asList(names).contains(value)) {
            String last = names[names.length - 1];
            String others = String.join(", ", Arrays.asList(names).subList(0, names.length - 1));
            throw Refusal.badArgument(name + " has to be " + others + " or " + last);
        }
        return value;
    }
}
