package org.mobilebench.app;

import android.app.ActivityManager;
import android.app.ActivityManager.RunningAppProcessInfo;
import android.content.Context;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.PowerManager;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.json.JSONException;
import org.json.JSONObject;

/** What Android says of this process and of the phone at one moment. What cannot be read is null. */
final class Proof {
    static final String SCHEMA = "mobilebench.app/1";

    private static final int LONGEST = 4096;

    /** ActivityManager's importance of this process; smaller is more important. */
    final int importance;

    private final JSONObject read;

    private Proof(int importance, JSONObject read) {
        this.importance = importance;
        this.read = read;
    }

    static Proof read(Context context) throws JSONException {
        return read(context, new File("/proc/self"));
    }

    /** The same with another folder in the place of {@code /proc/self}. */
    static Proof read(Context context, File self) throws JSONException {
        ActivityManager manager = context.getSystemService(ActivityManager.class);
        ActivityManager.MemoryInfo memory = new ActivityManager.MemoryInfo();
        manager.getMemoryInfo(memory);
        int importance = importance();
        JSONObject read = new JSONObject();
        read.put("apk_version", version(context));
        read.put("process_state", stateOf(importance));
        read.put("importance", importance);
        read.put("oom_score_adj", numberIn(new File(self, "oom_score_adj")));
        read.put("cpuset", orNull(trimmed(new File(self, "cpuset"))));
        read.put("sched_group", orNull(group(textOf(new File(self, "cgroup")))));
        readPower(context, read);
        read.put("low_memory", memory.lowMemory);
        read.put("max_heap_mb", manager.getMemoryClass());
        read.put("sdk", Build.VERSION.SDK_INT);
        return new Proof(importance, read);
    }

    /** ActivityManager's importance of this process at this moment. */
    static int importance() {
        RunningAppProcessInfo info = new RunningAppProcessInfo();
        ActivityManager.getMyMemoryState(info);
        return info.importance;
    }

    /** The one of two readings in which the process was less important; of equal ones the first. */
    static Proof lesser(Proof first, Proof second) {
        return second.importance > first.importance ? second : first;
    }

    /** The content of app.json. */
    JSONObject of(String job, String context, boolean visible) throws JSONException {
        JSONObject whole = new JSONObject(read.toString());
        whole.put("schema", SCHEMA);
        whole.put("job", job);
        whole.put("context", context);
        whole.put("visible", visible);
        return whole;
    }

    /** The group of the scheduler in the text of /proc/self/cgroup: the path under controller `cpu` or `schedtune`. */
    static String group(String cgroup) {
        if (cgroup == null) {
            return null;
        }
        for (String line : cgroup.split("\n")) {
            String[] parts = line.trim().split(":", 3);
            if (parts.length == 3) {
                for (String controller : parts[1].split(",")) {
                    if (controller.equals("cpu") || controller.equals("schedtune")) {
                        return parts[2];
                    }
                }
            }
        }
        return null;
    }

    /** The name of an importance in ActivityManager's documentation. */
    static String stateOf(int importance) {
        if (importance <= RunningAppProcessInfo.IMPORTANCE_FOREGROUND) {
            return "foreground";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_FOREGROUND_SERVICE) {
            return "foreground service";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_VISIBLE) {
            return "visible";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_PERCEPTIBLE) {
            return "perceptible";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_SERVICE) {
            return "service";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_TOP_SLEEPING) {
            return "top sleeping";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_CANT_SAVE_STATE) {
            return "cannot save state";
        } else if (importance <= RunningAppProcessInfo.IMPORTANCE_CACHED) {
            return "cached";
        }
        return "gone";
    }

    private static void readPower(Context context, JSONObject read) throws JSONException {
        Object status = JSONObject.NULL;
        Object headroom = JSONObject.NULL;
        PowerManager power = context.getSystemService(PowerManager.class);
        if (Build.VERSION.SDK_INT >= 29) {
            status = power.getCurrentThermalStatus();
        }
        if (Build.VERSION.SDK_INT >= 30) {
            float forecast = power.getThermalHeadroom(0);
            if (!Float.isNaN(forecast) && !Float.isInfinite(forecast)) {
                headroom = (double) forecast;
            }
        }
        read.put("thermal_status", status);
        read.put("thermal_headroom", headroom);
    }

    private static Object version(Context context) {
        try {
            return orNull(context.getPackageManager().getPackageInfo(context.getPackageName(), 0).versionName);
        } catch (PackageManager.NameNotFoundException error) {
            return JSONObject.NULL;
        }
    }

    private static Object numberIn(File file) {
        String text = trimmed(file);
        try {
            return text == null ? JSONObject.NULL : (Object) Integer.valueOf(text);
        } catch (NumberFormatException error) {
            return JSONObject.NULL;
        }
    }

    private static String trimmed(File file) {
        String text = textOf(file);
        return text == null || text.trim().isEmpty() ? null : text.trim();
    }

    /** The first 4 KiB of a file; null when it cannot be read. */
    private static String textOf(File file) {
        byte[] bytes = new byte[LONGEST];
        int length = 0;
        try (InputStream stream = new FileInputStream(file)) {
            int got;
            while (length < bytes.length && (got = stream.read(bytes, length, bytes.length - length)) > 0) {
                length += got;
            }
        } catch (IOException error) {
            return null;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    private static Object orNull(Object value) {
        return value == null ? JSONObject.NULL : value;
    }
}
