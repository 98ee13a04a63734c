package org.mobilebench.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.app.Application;
import android.app.Notification;
import android.content.Intent;
import android.os.Bundle;
import android.os.Looper;
import android.view.ViewGroup;
import android.view.WindowManager;
import android.widget.TextView;
import java.io.File;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.android.controller.ServiceController;

/** Jobs of the real core and the real native runner, in both contexts, and what is refused. */
@RunWith(RobolectricTestRunner.class)
public class RunnerInstrumentationTest {
    private final Application app = RuntimeEnvironment.getApplication();
    private final Recorded runner = new Recorded(app);

    private static TextView textOf(Activity activity) {
        ViewGroup content = activity.findViewById(android.R.id.content);
        return (TextView) content.getChildAt(0);
    }

    private void refused(String exit, String words) throws Exception {
        Bundle results = runner.results();
        assertEquals(Activity.RESULT_OK, results.getInt("code"));
        assertEquals(exit, results.getString("exit"));
        assertTrue(results.getString("error"), results.getString("error").contains(words));
        assertFalse(new File(runner.folder, "answer.json").exists());
    }

    @Test
    public void aJobInTheForegroundIsMeasuredAndShown() throws Exception {
        runner.put("app-foreground", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-foreground");
        Intent intent = runner.component();
        assertEquals(RunnerActivity.class.getName(), intent.getComponent().getClassName());
        assertTrue((intent.getFlags() & Intent.FLAG_ACTIVITY_NEW_TASK) != 0);
        try (ActivityController<RunnerActivity> controller = Robolectric.buildActivity(RunnerActivity.class, intent)) {
            controller.setup();
            RunnerActivity activity = controller.get();
            assertTrue((activity.getWindow().getAttributes().flags & WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON) != 0);
            Bundle results = runner.results();
            assertEquals("0", results.getString("exit"));
            assertEquals(Activity.RESULT_OK, results.getInt("code"));
            assertEquals(Arrays.asList("setup", "warmup", "prediction", "done"), runner.stages);
            Shadows.shadowOf(Looper.getMainLooper()).idle();
            assertEquals("net.onnx\ndone", textOf(activity).getText().toString());
        }
        assertTrue(runner.json("app.json").getBoolean("visible"));
        runner.keep("foreground");
    }

    @Test
    public void aJobInAServiceIsMeasuredWithANotification() throws Exception {
        runner.put("app-service", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-service");
        Intent intent = runner.component();
        assertEquals(RunnerService.class.getName(), intent.getComponent().getClassName());
        ServiceController<RunnerService> controller = Robolectric.buildService(RunnerService.class, intent);
        controller.create().startCommand(0, 1);
        Notification shown = Shadows.shadowOf(controller.get()).getLastForegroundNotification();
        assertNotNull(shown);
        assertEquals(RunnerService.CHANNEL, shown.getChannelId());
        assertTrue((shown.flags & Notification.FLAG_ONGOING_EVENT) != 0);
        assertEquals("0", runner.results().getString("exit"));
        controller.destroy();
        assertFalse(runner.json("app.json").getBoolean("visible"));
        runner.keep("service");
    }

    @Test
    public void aUserWhoLeavesTheAppIsSeen() throws Exception {
        CountDownLatch predicts = new CountDownLatch(1);
        CountDownLatch left = new CountDownLatch(1);
        runner.atPredictions = () -> {
            predicts.countDown();
            try {
                left.await();
            } catch (InterruptedException error) {
                throw new AssertionError(error);
            }
        };
        runner.put("app-foreground", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-foreground");
        try (ActivityController<RunnerActivity> controller =
                Robolectric.buildActivity(RunnerActivity.class, runner.component())) {
            controller.setup();
            predicts.await();
            controller.pause();
            controller.resume();
            left.countDown();
            assertEquals("0", runner.results().getString("exit"));
        }
        assertFalse(runner.json("app.json").getBoolean("visible"));
    }

    @Test
    public void aPredictionThatTakesNoTimeIsMeasured() throws Exception {
        runner.put("app-service", "--engine", "sleep", "--backend", "instant", "--threads", "1");
        runner.begin(Recorded.ID, "app-service");
        Robolectric.buildService(RunnerService.class, runner.component()).create().startCommand(0, 1);
        assertEquals("0", runner.results().getString("exit"));
        runner.keep("instant");
    }

    @Test
    public void argumentsThatTheRunnerRefusesAreItsOwnAnswer() throws Exception {
        runner.put("app-service", "--engine", "sleep", "--threads", "0");
        runner.begin(Recorded.ID, "app-service");
        Robolectric.buildService(RunnerService.class, runner.component()).create().startCommand(0, 1);
        assertEquals("2", runner.results().getString("exit"));
        runner.keep("refused");
    }

    @Test
    public void aJobOfAnotherSchemaStartsNoComponent() throws Exception {
        JSONObject job = Recorded.job("app-service", Recorded.SLEEP).put("schema", "mobilebench.job/9");
        runner.put(job.toString());
        runner.begin(Recorded.ID, "app-service");
        assertEquals("2", runner.results().getString("exit"));
        assertTrue(runner.asked.isEmpty());
        assertTrue(runner.json("answer.json").getString("reason").contains("mobilebench.job/9"));
    }

    @Test
    public void aJobThatIsNoJsonIsRefusedInTheAnswer() throws Exception {
        runner.put("{");
        runner.begin(Recorded.ID, "app-foreground");
        assertEquals("2", runner.results().getString("exit"));
        assertTrue(runner.json("answer.json").getString("reason").contains("job.json"));
    }

    @Test
    public void anIdThatIsNoneNamesNoFile() throws Exception {
        runner.put("app-service", Recorded.SLEEP);
        runner.begin("../jobs/" + Recorded.ID, "app-service");
        refused("2", "hexadecimal");
    }

    @Test
    public void aMissingIdIsRefused() throws Exception {
        runner.begin(null, "app-service");
        refused("2", "-e job ID");
    }

    @Test
    public void aMissingJobIsRefused() throws Exception {
        runner.begin("abc", "app-service");
        refused("2", "files/jobs/abc/job.json");
    }

    @Test
    public void anUnknownContextIsRefused() throws Exception {
        runner.put("app-service", Recorded.SLEEP);
        runner.begin(Recorded.ID, "shell");
        refused("2", "app-foreground or app-service");
    }

    @Test
    public void aJobForTheOtherContextIsRefused() throws Exception {
        runner.put("app-service", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-foreground");
        refused("2", "for context app-service, not for app-foreground");
        assertTrue(runner.asked.isEmpty());
    }

    @Test
    public void aForegroundThatNeverComesIsSaid() throws Exception {
        runner.arrivalMs = 0;
        runner.put("app-foreground", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-foreground");
        refused("1", "is the screen locked");
    }

    @Test
    public void aServiceThatNeverStartsIsSaid() throws Exception {
        runner.arrivalMs = 0;
        runner.put("app-service", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-service");
        refused("1", "The foreground service did not start");
    }

    @Test
    public void aServiceThatAndroidForbidsIsSaidInItsWords() throws Exception {
        runner.refusal = new IllegalStateException("startForegroundService() not allowed:\n in background");
        runner.put("app-service", Recorded.SLEEP);
        runner.begin(Recorded.ID, "app-service");
        refused("1", "not allowed: in background");
    }

    @Test
    public void theModelIsTheNameOfItsFile() {
        assertEquals("net.onnx", RunnerInstrumentation.modelOf(Arrays.asList(Recorded.SLEEP)));
        assertEquals("", RunnerInstrumentation.modelOf(Arrays.asList("--engine", "sleep", "--model")));
    }
}
