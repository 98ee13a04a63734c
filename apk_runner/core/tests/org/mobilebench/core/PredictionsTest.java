package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rule of predictions. */
final class PredictionsTest {
    private static final ClockFacts FINE = new ClockFacts(0, 0);

    private static Options options(String... words) throws Refusal {
        List<String> all = new ArrayList<>(Arrays.asList(
                "--engine", "fake", "--threads", "1", "--model", "m", "--input", "x,float32,4,uniform:0:1", "--output", "y=y"));
        all.addAll(Arrays.asList(words));
        return Options.parse(all);
    }

    @Test
    void thereAreNeverMoreThanAskedFor() throws Refusal {
        for (int most : new int[] {3, 9, 10, 200}) {
            Fake fake = new Fake();
            Predictions taken = new Predictions(fake, options("--max-predictions", "" + most, "--max-seconds", "600"));
            taken.take(FINE, new ArrayList<>());
            assertEquals(most, taken.samples().length);
            assertEquals(most, fake.predictions);
            assertEquals(1, taken.group);
        }
    }

    @Test
    void theFewestAreTakenWhenTheTimeIsOver() throws Refusal {
        Fake fake = new Fake();
        Predictions taken =
                new Predictions(fake, options("--min-predictions", "12", "--max-predictions", "900", "--max-seconds", "1e-9"));
        taken.take(FINE, new ArrayList<>());
        assertEquals(12, taken.samples().length);
    }

    @Test
    void aCoarseClockTimesGroups() throws Refusal {
        Fake fake = new Fake();
        List<String> notes = new ArrayList<>();
        Predictions taken = new Predictions(fake, options("--max-predictions", "4", "--max-seconds", "600"));
        taken.take(new ClockFacts(0.001, 0.0001), notes);
        assertEquals(4, taken.samples().length);
        assertTrue(taken.group > 1);
        assertEquals(1, notes.size());
        assertTrue(notes.get(0).startsWith("predictions are timed in groups of " + taken.group), notes.get(0));
        assertTrue(notes.get(0).contains("of 4 that are not among the samples"), notes.get(0));
    }

    @Test
    void aFailureEndsThem() throws Refusal {
        Fake fake = new Fake();
        fake.failsAfter = 5;
        Predictions taken = new Predictions(fake, options());
        assertThrows(Refusal.class, () -> taken.take(FINE, new ArrayList<>()));
        assertEquals(5, taken.samples().length);
    }
}
