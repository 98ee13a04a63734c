package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a job is, and what is said of a file that is none. */
final class JobTest {
    private static final String GOOD = Files.job("native", "\"--engine\", \"sleep\"");

    @TempDir Path folder;

    private Refusal refused(String text) throws IOException {
        File file = Files.write(folder, "job.json", text);
        Refusal why = assertThrows(Refusal.class, () -> Job.read(file));
        assertEquals(Refusal.BAD_ARGUMENT, why.code);
        assertEquals(-1, why.getMessage().indexOf('\n'), "a sentence is one line");
        return why;
    }

    @Test
    void aGoodJobIsRead() throws Exception {
        Job job = Job.read(Files.write(folder, "job.json", GOOD));
        assertEquals("mobilebench.job/1", job.schema);
        assertEquals("0af3", job.id);
        assertEquals("native", job.runner);
        assertEquals("app-service", job.context);
        assertEquals(Arrays.asList("--engine", "sleep"), job.arguments);
    }

    @Test
    void wordsOfEveryLanguageArriveWhole() throws Exception {
        Job job = Job.read(Files.write(folder, "job.json", Files.job("native", "\"Gewicht-ü-重み-\\ud83d\\ude00\"")));
        assertEquals(Collections.singletonList("Gewicht-ü-重み-\ud83d\ude00"), job.arguments);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
        "mobilebench.job/1 | mobilebench.job/2 | the app and mobilebench are of different versions",
        "0af3 | ../x | the id has to be 1 to 64 hex digits, not `../x`",
        "\"0af3\" | 17 | no text `id`",
        "\"native\" | \"python\" | `runner` has to be native or java, not `python`",
        "app-service | shell | `context` has to be app-foreground or app-service, not `shell`",
        "\"runner\" | \"walker\" | no text `runner`",
        "\"arguments\" | \"words\" | no list `arguments`",
        "\"sleep\" | null | argument 2 is no text",
        "\"sleep\" | \"a\\u0000b\" | argument 2 is no text",
        "\"sleep\" | [\"sleep\"] | argument 2 is no text",
        "{ | [ | no JSON object",
    })
    void whatIsWrongIsSaid(String good, String bad, String words) throws IOException {
        assertTrue(GOOD.contains(good));
        String said = refused(GOOD.replace(good, bad)).getMessage();
        assertTrue(said.contains(words), said);
    }

    @Test
    void everyShorterFileIsRefused() throws IOException {
        for (int length = 0; length < GOOD.length(); length++) {
            refused(GOOD.substring(0, length));
        }
    }

    @Test
    void whatIsTooLargeOrTooDeepIsRefused() throws IOException {
        char[] spaces = new char[Job.LARGEST_FILE];
        Arrays.fill(spaces, ' ');
        assertTrue(refused(new String(spaces) + GOOD).getMessage().contains("larger than 1048576 bytes"));
        char[] brackets = new char[500_000];
        Arrays.fill(brackets, '[');
        refused(GOOD.replace("[", new String(brackets)));
        char[] many = new char[4097];
        Arrays.fill(many, 'x');
        String arguments = new String(many).replace("x", "\"x\",") + "\"x\"";
        assertTrue(refused(Files.job("native", arguments)).getMessage().contains("more than 4096 arguments"));
    }

    @Test
    void aFileThatIsNotThereIsRefused() {
        File none = folder.resolve("none.json").toFile();
        assertTrue(assertThrows(Refusal.class, () -> Job.read(none)).getMessage().startsWith("job.json cannot be read"));
    }
}
