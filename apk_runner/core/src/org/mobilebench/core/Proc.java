package org.mobilebench.core;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What Linux tells a process of itself in {@code /proc}. */
final class Proc {
    private static final String TASKS = "/proc/self/task";

    private Proc() {}

    /** Ids of all threads of this process; empty when they cannot be listed. */
    static List<Integer> threads() {
        List<Integer> ids = new ArrayList<>();
        String[] names = new File(TASKS).list();
        for (String name : names == null ? new String[0] : names) {
            ids.add(Integer.parseInt(name));
        }
        return ids;
    }

    /** Id of the calling thread; 0 when it is unknown. */
    static int thisThread() {
        try {
            return Integer.parseInt(new File("/proc/thread-self").getCanonicalFile().getName());
        } catch (IOException | NumberFormatException error) {
            return 0;
        }
    }

    /** Nanoseconds that a thread has computed; -1 when that is unknown, or it has ended. */
    static long computed(int thread) {
        String line = firstLine(new File(TASKS, thread + "/schedstat"));
        String word = line == null ? "" : line.split(" ", 2)[0];
        return word.matches("\\d{1,18}") ? Long.parseLong(word) : -1;
    }

    /** The name of a thread, of which Linux keeps 15 bytes; empty when it has ended. */
    static String name(int thread) {
        String line = firstLine(new File(TASKS, thread + "/comm"));
        return line == null ? "" : line;
    }

    /** Numbers of the CPUs on which a thread may run; null when they are unknown. */
    static List<Integer> cpus(int thread) {
        for (String line : lines(new File(TASKS, thread + "/status"))) {
            if (line.startsWith("Cpus_allowed_list:")) {
                return listed(line.substring(line.indexOf(':') + 1).trim());
            }
        }
        return null;
    }

    /** The numbers of a list such as {@code 0-3,6}; null when it is none. */
    static List<Integer> listed(String text) {
        List<Integer> numbers = new ArrayList<>();
        if (!text.matches("\\d{1,4}(-\\d{1,4})?(,\\d{1,4}(-\\d{1,4})?)*")) {
            return null;
        }
        for (String part : text.split(",")) {
            String[] ends = part.split("-");
            for (int i = Integer.parseInt(ends[0]); i <= Integer.parseInt(ends[ends.length - 1]); i++) {
                numbers.add(i);
            }
        }
        return numbers;
    }

    /** The nice value of a thread; null when it is unknown. */
    static Integer priority(int thread) {
        String line = firstLine(new File(TASKS, thread + "/stat"));
        /* The second field is the name in parentheses, which may hold anything; the nice value is the 19th field. */
        String[] fields = line == null ? new String[0] : line.substring(line.lastIndexOf(')') + 1).trim().split(" ");
        return fields.length > 16 && fields[16].matches("-?\\d{1,2}") ? Integer.valueOf(fields[16]) : null;
    }

    /** The cpuset in which the system placed this process; null when it is unknown. */
    static String cpuset() {
        String found = firstLine(new File("/proc/self/cpuset"));
        for (String line : found == null ? lines(new File("/proc/self/cgroup")) : new ArrayList<String>()) {
            boolean only = line.startsWith("0::") && found == null;
            found = line.contains(":cpuset:") || only ? line.substring(line.lastIndexOf(':') + 1) : found;
        }
        return found;
    }

    /** Path of a loaded library of this file name; null when there is none. */
    static String loaded(String name) {
        for (String line : lines(new File("/proc/self/maps"))) {
            if (line.endsWith("/" + name)) {
                return line.substring(line.indexOf('/'));
            }
        }
        return null;
    }

    private static String firstLine(File file) {
        List<String> lines = lines(file);
        return lines.isEmpty() ? null : lines.get(0);
    }

    private static List<String> lines(File file) {
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line);
            }
        } catch (IOException error) {
            return lines;
        }
        return lines;
    }
}
