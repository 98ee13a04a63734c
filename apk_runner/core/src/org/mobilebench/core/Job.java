package org.mobilebench.core;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** One block to measure, as the host describes it in {@code job.json}. */
public final class Job {
    public static final String SCHEMA = "mobilebench.job/1";

    static final int LARGEST_FILE = 1 << 20;
    private static final int MOST_ARGUMENTS = 4096;
    private static final int SHOWN = 60;
    private static final List<String> RUNNERS = Arrays.asList("native", "java");
    private static final List<String> CONTEXTS = Arrays.asList("app-foreground", "app-service");

    public final String schema;
    /** Lower-case hex digits, which name the job's folder. */
    public final String id;
    /** {@code native}: the C runner through JNI. {@code java}: an engine that only has Java classes. */
    public final String runner;
    /** {@code app-foreground} or {@code app-service}. */
    public final String context;
    /** The arguments of {@code mobilebench-runner}. */
    public final List<String> arguments;

    private Job(JSONObject json) throws Refusal {
        schema = word(json, "schema");
        if (!SCHEMA.equals(schema)) {
            throw Refusal.badArgument(
                    "job.json has the schema `" + shown(schema) + "`, but this app reads `" + SCHEMA
                            + "`: the app and mobilebench are of different versions");
        }
        id = word(json, "id");
        if (!id.matches("[0-9a-f]{1,64}")) {
            throw Refusal.badArgument("job.json: the id has to be 1 to 64 hex digits, not `" + shown(id) + "`");
        }
        runner = oneOf(json, "runner", RUNNERS);
        context = oneOf(json, "context", CONTEXTS);
        arguments = Collections.unmodifiableList(words(json, "arguments"));
    }

    /**
     * Reads and checks a job.
     *
     * @throws Refusal it cannot be read, is too large, or is no job of this schema
     */
    public static Job read(File file) throws Refusal {
        String text = text(file);
        try {
            return new Job(new JSONObject(text));
        } catch (JSONException error) {
            throw Refusal.badArgument("job.json is no JSON object: " + shown(error.getMessage()));
        } catch (StackOverflowError error) {
            throw Refusal.badArgument("job.json is nested too deeply");
        }
    }

    private static String text(File file) throws Refusal {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (InputStream stream = new FileInputStream(file)) {
            byte[] chunk = new byte[8192];
            for (int got = stream.read(chunk); got >= 0; got = stream.read(chunk)) {
                bytes.write(chunk, 0, got);
                if (bytes.size() > LARGEST_FILE) {
                    throw Refusal.badArgument("job.json is larger than " + LARGEST_FILE + " bytes");
                }
            }
        } catch (IOException error) {
            throw Refusal.badArgument("job.json cannot be read: " + error.getMessage());
        }
        return new String(bytes.toByteArray(), StandardCharsets.UTF_8);
    }

    private static String word(JSONObject json, String name) throws Refusal {
        Object value = json.opt(name);
        if (!(value instanceof String)) {
            throw Refusal.badArgument("job.json has no text `" + name + "`");
        }
        return (String) value;
    }

    private static String oneOf(JSONObject json, String name, List<String> known) throws Refusal {
        String value = word(json, name);
        if (!known.contains(value)) {
            throw Refusal.badArgument(
                    "job.json: `" + name + "` has to be " + known.get(0) + " or " + known.get(1) + ", not `" + shown(value) + "`");
        }
        return value;
    }

    private static List<String> words(JSONObject json, String name) throws Refusal {
        Object value = json.opt(name);
        if (!(value instanceof JSONArray)) {
            throw Refusal.badArgument("job.json has no list `" + name + "`");
        }
        JSONArray list = (JSONArray) value;
        if (list.length() > MOST_ARGUMENTS) {
            throw Refusal.badArgument("job.json has more than " + MOST_ARGUMENTS + " arguments");
        }
        List<String> words = new ArrayList<>();
        for (int i = 0; i < list.length(); i++) {
            Object word = list.opt(i);
            if (!(word instanceof String) || ((String) word).indexOf('\0') >= 0) {
                throw Refusal.badArgument("job.json: argument " + (i + 1) + " is no text");
            }
            words.add((String) word);
        }
        return words;
    }

    private static String shown(String text) {
        String line = String.valueOf(text).replaceAll("\\p{Cntrl}+", " ");
        return line.length() <= SHOWN ? line : line.substring(0, SHOWN) + "…";
    }
}
