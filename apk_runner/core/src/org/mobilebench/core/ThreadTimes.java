package org.mobilebench.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * CPU time of the threads of a block: of the calling thread, and of all that begin after it. Threads of the app and its
 * virtual machine do not count: those from before the block, and later ones by their names.
 */
final class ThreadTimes {
    private static final String[] OF_THE_APP = {
        "C1 Compiler", "C2 Compiler", "GC Thread", "G1 ", "VM Thread", "VM Periodic", "Binder:", "HwBinder:",
        "Jit thread", "HeapTask", "Profile Saver", "RenderThread"
    };
    private static final double SHARE_OF_BUSIEST = 0.01;

    private final Set<Integer> earlier = new HashSet<>(Proc.threads());
    private final Map<Integer, Long> before = new HashMap<>();

    /** Takes the threads that there are now, except this one, as those of the app. */
    ThreadTimes() {
        earlier.remove(Proc.thisThread());
    }

    /** How many threads of the app there were before the block. */
    int left() {
        return earlier.size();
    }

    /** The threads of the block that there are now. */
    List<Integer> own() {
        List<Integer> own = new ArrayList<>();
        for (int thread : Proc.threads()) {
            if (!earlier.contains(thread) && !isOfTheApp(Proc.name(thread))) {
                own.add(thread);
            }
        }
        return own;
    }

    private static boolean isOfTheApp(String name) {
        for (String beginning : OF_THE_APP) {
            if (name.startsWith(beginning)) {
                return true;
            }
        }
        return false;
    }

    void begin() {
        for (int thread : own()) {
            before.put(thread, Proc.computed(thread));
        }
    }

    /** Milliseconds that each thread computed since `begin`, the most first; null when that is unknown. */
    List<Double> since() {
        List<Double> times = new ArrayList<>();
        for (int thread : own()) {
            long now = Proc.computed(thread);
            long then = before.containsKey(thread) ? before.get(thread) : 0;
            if (now < 0 || then < 0) {
                return null;
            }
            times.add(Math.max(0, now - then) / 1e6);
        }
        Collections.sort(times, Collections.reverseOrder());
        return times.isEmpty() ? null : times;
    }

    /** How many threads computed at least a hundredth of the busiest one's time. */
    static int atWork(List<Double> times) {
        int working = 0;
        while (working < times.size() && times.get(working) > 0 && times.get(working) >= times.get(0) * SHARE_OF_BUSIEST) {
            working++;
        }
        return working;
    }
}
