package org.mobilebench.core;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.json.JSONException;
import org.json.JSONObject;

/** Writes answers that the C runner does not write itself, in its schema. */
final class Answers {
    static final String SCHEMA = "mobilebench/measurement/1";
    static final int NOT_WRITTEN = 4;

    private Answers() {}

    /** The answer of a block that has no measurement. */
    static JSONObject refusal(String engine, Refusal why) {
        try {
            return new JSONObject()
                    .put("schema", SCHEMA)
                    .put("status", why.code == Refusal.UNSUPPORTED ? "unsupported" : "error")
                    .put("reason", why.getMessage())
                    .put("engine", engine);
        } catch (JSONException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Writes an answer at once: a reader finds all of it or none. Returns whether that was possible. */
    static boolean write(JSONObject answer, File file) {
        Path part = new File(file.getPath() + ".part").toPath();
        try {
            Files.write(part, (answer + "\n").getBytes(StandardCharsets.UTF_8));
            Files.move(part, file.toPath(), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException | RuntimeException error) {
            part.toFile().delete();
            return false;
        }
    }
}
