package org.mobilebench.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;

/** Runs in a JVM that does not find the native runner. */
@RunWith(RobolectricTestRunner.class)
public class LibraryMissingTest {
    @Test
    public void theAnswerSaysWhichLibraryIsMissing() throws Exception {
        Recorded runner = new Recorded(RuntimeEnvironment.getApplication());
        runner.put("app-service", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-service");
        Robolectric.buildService(RunnerService.class, runner.component()).create().startCommand(0, 1);
        assertEquals("1", runner.results().getString("exit"));
        assertTrue(runner.json("answer.json").getString("reason").contains("mobilebench-runner"));
    }
}
