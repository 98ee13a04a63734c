package org.mobilebench.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import android.app.ActivityManager;
import android.app.ActivityManager.RunningAppProcessInfo;
import android.app.Application;
import android.content.Context;
import android.os.PowerManager;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Collections;
import org.json.JSONObject;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;

/** What is read of the process and of the phone, with files of a phone in the place of /proc/self. */
@RunWith(RobolectricTestRunner.class)
public class ProofTest {
    private static final String CGROUPS = "5:schedtune:/top-app\n4:cpuset:/foreground\n3:cpuacct:/uid_1\n0::/uid_1/pid_2\n";

    @Rule
    public final TemporaryFolder self = new TemporaryFolder();

    private final Application app = RuntimeEnvironment.getApplication();

    private void put(String name, String text) throws Exception {
        Files.write(new File(self.getRoot(), name).toPath(), text.getBytes(StandardCharsets.UTF_8));
    }

    private JSONObject read() throws Exception {
        return Proof.read(app, self.getRoot()).of("ab", "app-service", false);
    }

    private static void setImportance(Context context, int importance) {
        RunningAppProcessInfo process = new RunningAppProcessInfo("org.mobilebench.app", android.os.Process.myPid(), new String[0]);
        process.importance = importance;
        Shadows.shadowOf(context.getSystemService(ActivityManager.class)).setProcesses(Collections.singletonList(process));
    }

    @Test
    public void theFilesOfTheProcessAreRead() throws Exception {
        put("oom_score_adj", "-700\n");
        put("cpuset", "/top-app\n");
        put("cgroup", CGROUPS);
        JSONObject read = read();
        assertEquals(-700, read.getInt("oom_score_adj"));
        assertEquals("/top-app", read.getString("cpuset"));
        assertEquals("/top-app", read.getString("sched_group"));
    }

    @Test
    public void whatIsMissingOrNoNumberIsNull() throws Exception {
        put("oom_score_adj", "many");
        JSONObject read = read();
        for (String name : new String[] {"oom_score_adj", "cpuset", "sched_group"}) {
            assertTrue(name, read.has(name));
            assertTrue(name, read.isNull(name));
        }
    }

    @Test
    public void aLongFileIsCutOff() throws Exception {
        put("cpuset", new String(new char[100_000]).replace('\0', 'x'));
        assertEquals(4096, read().getString("cpuset").length());
    }

    @Test
    public void theGroupOfTheSchedulerIsThatOfItsOwnController() {
        assertEquals("/background", Proof.group("4:cpuset:/x\n2:cpu,cpuacct:/background\n"));
        assertNull(Proof.group("4:cpuset:/x\n0::/uid_1\nrubbish\n"));
        assertNull(Proof.group(null));
    }

    @Test
    public void heatAndMemoryAreThePhonesOwn() throws Exception {
        PowerManager power = app.getSystemService(PowerManager.class);
        Shadows.shadowOf(power).setCurrentThermalStatus(PowerManager.THERMAL_STATUS_MODERATE);
        Thermal.headroom = 0.75f;
        ActivityManager.MemoryInfo memory = new ActivityManager.MemoryInfo();
        memory.lowMemory = true;
        Shadows.shadowOf(app.getSystemService(ActivityManager.class)).setMemoryInfo(memory);
        Shadows.shadowOf(app.getSystemService(ActivityManager.class)).setMemoryClass(192);
        JSONObject read = read();
        assertEquals(2, read.getInt("thermal_status"));
        assertEquals(0.75, read.getDouble("thermal_headroom"), 0);
        assertTrue(read.getBoolean("low_memory"));
        assertEquals(192, read.getInt("max_heap_mb"));
        assertEquals(35, read.getInt("sdk"));
    }

    @Test
    public void aHeadroomThatIsNotKnownIsNull() throws Exception {
        Thermal.headroom = Float.NaN;
        assertTrue(read().isNull("thermal_headroom"));
    }

    @Test
    public void theStateHasTheNameOfItsImportance() throws Exception {
        setImportance(app, RunningAppProcessInfo.IMPORTANCE_FOREGROUND_SERVICE);
        JSONObject read = read();
        assertEquals(125, read.getInt("importance"));
        assertEquals("foreground service", read.getString("process_state"));
        assertEquals("cached", Proof.stateOf(RunningAppProcessInfo.IMPORTANCE_CACHED));
        assertEquals("gone", Proof.stateOf(RunningAppProcessInfo.IMPORTANCE_GONE));
    }

    @Test
    public void ofTwoReadingsTheLessImportantCounts() throws Exception {
        setImportance(app, RunningAppProcessInfo.IMPORTANCE_FOREGROUND);
        Proof before = Proof.read(app, self.getRoot());
        setImportance(app, RunningAppProcessInfo.IMPORTANCE_CACHED);
        Proof after = Proof.read(app, self.getRoot());
        assertSame(after, Proof.lesser(before, after));
        assertSame(after, Proof.lesser(after, before));
        assertSame(before, Proof.lesser(before, before));
    }

    @Test
    public void itNamesJobContextAndVersion() throws Exception {
        JSONObject read = read();
        assertEquals("mobilebench.app/1", read.getString("schema"));
        assertEquals("ab", read.getString("job"));
        assertEquals("app-service", read.getString("context"));
        assertFalse(read.getBoolean("visible"));
        assertEquals(System.getProperty("mobilebench.version"), read.getString("apk_version"));
    }
}
