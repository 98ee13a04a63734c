package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.json.JSONObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs in a process that lives on, as an app's does. */
final class JobsTest {
    private static final String SLEEP = "\"--engine\", \"sleep\", \"--threads\", \"1\", \"--max-predictions\", \"3\"";

    @TempDir Path folder;

    private final List<String> stages = new ArrayList<>();

    private int run(String job, File answer) throws IOException {
        return Jobs.run(Files.write(folder, "job.json", job), answer, stages::add);
    }

    private File answer() {
        return folder.resolve("answer.json").toFile();
    }

    @Test
    void oneProcessCanRunOneJobAfterAnother() throws IOException {
        for (int i = 0; i < 3; i++) {
            assertEquals(0, run(Files.job("native", SLEEP), answer()));
            JSONObject answer = new JSONObject(Files.read(answer()));
            assertEquals(3, answer.getJSONArray("prediction_ms").length());
            assertEquals(2, run(Files.job("native", "\"--engine\""), answer()));
            assertEquals("option `--engine` lacks its value", new JSONObject(Files.read(answer())).getString("reason"));
        }
    }

    @Test
    void stagesAreToldInOrder() throws IOException {
        run(Files.job("native", SLEEP), answer());
        assertEquals(Arrays.asList("setup", "warmup", "prediction", "done"), stages);
    }

    @Test
    void whatAWatcherThrowsEndsNoMeasurement() throws IOException {
        File job = Files.write(folder, "job.json", Files.job("native", SLEEP));
        int code = Jobs.run(job, answer(), stage -> {
            throw new IllegalStateException(stage);
        });
        assertEquals(0, code);
        assertEquals("ok", new JSONObject(Files.read(answer())).getString("status"));
    }

    @Test
    void anInterruptedCallerStillGetsItsAnswer() throws IOException {
        Thread.currentThread().interrupt();
        assertEquals(0, run(Files.job("native", SLEEP), answer()));
        assertTrue(Thread.interrupted(), "the interruption is kept");
    }

    @Test
    void aBadJobHasAnAnswerThatSaysSo() throws IOException {
        assertEquals(2, run("{", answer()));
        JSONObject answer = new JSONObject(Files.read(answer()));
        assertEquals("mobilebench/measurement/1", answer.getString("schema"));
        assertEquals("error", answer.getString("status"));
        assertEquals("unknown", answer.getString("engine"));
        assertTrue(answer.getString("reason").startsWith("job.json is no JSON object"));
    }

    @Test
    void anAnswerThatCannotBeWrittenIsACodeOfItsOwn() throws IOException {
        File nowhere = folder.resolve("none/answer.json").toFile();
        for (String job : new String[] {Files.job("native", SLEEP), Files.job("java", SLEEP), "{"}) {
            assertEquals(4, run(job, nowhere));
        }
        assertFalse(nowhere.getParentFile().exists());
        File folderInItsPlace = folder.resolve("taken").toFile();
        assertTrue(new File(folderInItsPlace, "full").mkdirs());
        assertEquals(4, run(Files.job("native", SLEEP), folderInItsPlace));
        assertEquals(4, run("{", folderInItsPlace));
        assertFalse(folder.resolve("taken.part").toFile().exists());
    }
}
