package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.json.JSONObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A block of an engine in Java: stages, parts of setup, proof and outputs. */
final class BlockTest {
    @TempDir Path folder;

    private final List<String> stages = new ArrayList<>();
    private final Fake fake = new Fake();

    private JSONObject run(String model, String... words) throws Exception {
        String path = Files.write(folder, "model", model).getPath();
        List<String> all = new ArrayList<>(Arrays.asList(
                "--engine", "fake", "--threads", "1", "--model", path, "--input", "x,float32,2x2,integers:1:2", "--output",
                "answer=y"));
        all.addAll(Arrays.asList(words));
        return new Block(fake, Options.parse(all), stages::add).run();
    }

    @Test
    void aBlockHasItsStagesAndItsProof() throws Exception {
        JSONObject answer = run("a model", "--max-predictions", "5");
        assertEquals(Arrays.asList("setup", "warmup", "prediction"), stages);
        assertEquals("ok", answer.getString("status"));
        assertEquals("7", answer.getString("version"));
        for (String part : new String[] {"library_load", "model_read", "delegate_preparation", "session_creation"}) {
            assertTrue(answer.getJSONObject("setup_ms").getDouble(part) >= 0, part);
        }
        assertEquals(1, answer.getJSONArray("warmup_ms").length());
        assertEquals(5, answer.getJSONArray("prediction_ms").length());
        JSONObject proof = answer.getJSONObject("proof");
        assertEquals("cpu", proof.getString("backend"));
        assertEquals(7, proof.getJSONArray("files").getJSONObject(0).getInt("bytes"));
        assertEquals("it is a fake", proof.getJSONArray("notes").getString(proof.getJSONArray("notes").length() - 1));
        assertTrue(proof.getBoolean("affinity_kept"));
        assertTrue(fake.closed);
    }

    @Test
    void outputsBearTheirCanonicalNames() throws Exception {
        JSONObject output = run("a model").getJSONArray("output").getJSONObject(0);
        assertEquals("answer", output.getString("name"));
        assertEquals("[2,2]", output.getJSONArray("shape").toString());
        assertEquals(4.0, output.getDouble("l1"));
        assertEquals(2.0, output.getDouble("l2"));
        assertEquals("[0,1,2,3]", output.getJSONObject("sample").getJSONArray("index").toString());
    }

    @Test
    void aRefusalOfAnyStageEndsItAndFreesTheEngine() {
        assertEquals(Refusal.ERROR, assertThrows(Refusal.class, () -> run("! model")).code);
        assertEquals(Arrays.asList("setup"), stages);
        assertTrue(fake.closed);
        assertTrue(assertThrows(Refusal.class, () -> run("")).getMessage().endsWith("is empty"));
        fake.failsAfter = 0;
        assertThrows(Refusal.class, () -> run("a model"));
    }

    @Test
    void anotherBackendIsRefusedBeforeAnythingIsLoaded() {
        Refusal why = assertThrows(Refusal.class, () -> run("a model", "--backend", "nnapi"));
        assertEquals("engine `fake` in Java has no backend `nnapi`", why.getMessage());
        assertTrue(stages.isEmpty());
    }

    @Test
    void aCheckOnlyLoads() throws Exception {
        JSONObject answer = run("a model", "--check", "library");
        assertEquals("7", answer.getString("version"));
        assertFalse(answer.has("prediction_ms"));
        assertEquals(0, fake.predictions);
    }
}
