package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which of the runner's arguments an engine in Java takes, and what is said of the others. */
final class OptionsTest {
    private static final List<String> GOOD =
            Arrays.asList("--engine", "x", "--threads", "2", "--model", "m", "--input", "x,float32,1x4,uniform:0:1",
                    "--output", "y=z");

    private static List<String> with(String... words) {
        List<String> all = new ArrayList<>(GOOD);
        all.addAll(Arrays.asList(words));
        return all;
    }

    @Test
    void defaultsAreThoseOfTheRunner() throws Refusal {
        Options options = Options.parse(GOOD);
        assertEquals(3, options.minPredictions);
        assertEquals(20, options.maxPredictions);
        assertEquals(1.0, options.maxSeconds);
        assertEquals(64, options.samples);
        assertEquals("y", options.outputs.get("z"));
    }

    @Test
    void whatChangesNothingIsTaken() throws Refusal {
        Options.parse(with("--affinity", "none", "--page-cache", "as found", "--pass", "timing", "--allow-fp16", "1"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--affinity | big | 3 | no meaning for an engine in Java",
        "--priority | 5 | 3 | no meaning for an engine in Java",
        "--page-cache | cold | 3 | no meaning for an engine in Java",
        "--library | l | 3 | no meaning for an engine in Java",
        "--delegate | xnnpack | 3 | no meaning for an engine in Java",
        "--pass | kernels | 3 | has no pass `kernels`",
        "--pass | memory | 3 | has no pass `memory`",
        "--frobnicate | 1 | 2 | unknown option `--frobnicate`",
        "--threads | 257 | 2 | --threads has to be 1 to 256",
        "--threads | -1 | 2 | --threads has to be 1 to 256",
        "--max-predictions | 2 | 2 | is more than --max-predictions (2)",
        "--max-seconds | 1d | 2 | above 0 and at most 86400",
        "--max-seconds | 1e9 | 2 | above 0 and at most 86400",
        "--answer | middle | 2 | --answer has to be last or first",
        "--check | all | 2 | --check has to be nothing, library or delegate",
        "--batch | 0 | 2 | --batch has to be 1 to 65536",
        "--output | y=z | 2 | --output names `z` twice",
        "--output | y | 2 | CANONICAL=NAME",
        "--input | x | 2 | NAME,DTYPE,SHAPE,FILL",
        "--input | x,float16,1,uniform:0:1 | 2 | float32, int32, int64, int8, uint8 or bool",
        "--input | x,float32,0x4,uniform:0:1 | 2 | 1 to 8 sizes",
        "--input | x,float32,1x1x1x1x1x1x1x1x1,uniform:0:1 | 2 | 1 to 8 sizes",
        "--input | x,float32,4,uniform:1:0 | 2 | its fill has to be",
        "--input | x,float32,4,uniform:0 | 2 | its fill has to be",
        "--input | x,float32,4,uniform:0:Infinity | 2 | its fill has to be",
        "--input | x,uint8,4,integers:-1:256 | 2 | its fill has to be",
        "--input | x,int32,4,integers:0:1.5 | 2 | its fill has to be",
    })
    void whatHasNoMeaningOrIsWrongIsRefused(String option, String value, int code, String words) {
        Refusal why = assertThrows(Refusal.class, () -> Options.parse(with(option, value)));
        assertEquals(code, why.code);
        assertTrue(why.getMessage().contains(words), why.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"0, --engine is missing", "2, --threads is missing", "4, needs --model", "6, at least one --input"})
    void whatIsMissingIsSaid(int count, String words) {
        Refusal why = assertThrows(Refusal.class, () -> Options.parse(GOOD.subList(0, count)));
        assertTrue(why.getMessage().contains(words), why.getMessage());
        assertThrows(Refusal.class, () -> Options.parse(GOOD.subList(0, count + 1)));
    }

    @Test
    void aBatchChangesTheFirstSize() throws Refusal {
        assertEquals(3 * 4 * 4, Options.parse(with("--batch", "3")).inputs.get(0).make(0).data.capacity());
        List<String> scalar = with("--batch", "3", "--input", "s,int32,scalar,integers:0:9");
        assertTrue(assertThrows(Refusal.class, () -> Options.parse(scalar)).getMessage().contains("scalar"));
    }

    @Test
    void aTensorLargerThanMemoryCanAddressIsRefused() throws Refusal {
        List<String> huge = with("--input", "h,float32,2147483647x2147483647,uniform:0:1");
        Refusal why = assertThrows(Refusal.class, () -> Options.parse(huge).inputs.get(1).make(1));
        assertTrue(why.getMessage().contains("larger than 2 GiB"), why.getMessage());
    }
}
