package org.mobilebench.app;

/** Whether the activity or service that a job runs in is there. The instrumentation waits for it, and asks afterwards whether it stayed. */
final class Presence {
    private static boolean there;
    private static boolean stayed;

    private Presence() {}

    /** Forget the one before: the next to arrive is waited for. */
    static synchronized void expect() {
        there = false;
        stayed = false;
    }

    static synchronized void arrived() {
        if (!there) {
            there = true;
            stayed = true;
            Presence.class.notifyAll();
        }
    }

    static synchronized void left() {
        stayed = false;
    }

    /** Whether it arrived within {@code milliseconds}. */
    static synchronized boolean await(long milliseconds) throws InterruptedException {
        long end = System.nanoTime() + milliseconds * 1_000_000L;
        while (!there) {
            long rest = (end - System.nanoTime()) / 1_000_000L;
            if (rest <= 0) {
                return false;
            }
            Presence.class.wait(rest);
        }
        return true;
    }

    /** Whether it arrived and has not left since. */
    static synchronized boolean stayed() {
        return stayed;
    }
}
