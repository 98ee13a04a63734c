package org.mobilebench.core;

/** The smallest step of the clock and the cost of one reading, in milliseconds, as they were observed. */
final class ClockFacts {
    /* The fastest of several batches shows the cost: an interruption lengthens only one. */
    private static final int BATCHES = 64;
    private static final int READINGS = 512;

    final double resolution;
    final double cost;

    ClockFacts(double resolution, double cost) {
        this.resolution = resolution;
        this.cost = cost;
    }

    /** More batches than the native runner takes, because the first ones run before this code is compiled. */
    static ClockFacts observe() {
        long smallest = Long.MAX_VALUE;
        long quickest = Long.MAX_VALUE;
        for (int batch = 0; batch < BATCHES; batch++) {
            long first = System.nanoTime();
            long previous = first;
            for (int i = 0; i < READINGS; i++) {
                long now = System.nanoTime();
                if (now > previous) {
                    smallest = Math.min(smallest, now - previous);
                }
                previous = now;
            }
            quickest = Math.min(quickest, previous - first);
        }
        return new ClockFacts(smallest / 1e6, (double) quickest / READINGS / 1e6);
    }

    /** How long a sample has to be so that the clock's error is at most a hundredth of it. */
    double longEnough() {
        return Math.max(cost, resolution) * 100;
    }

    @Override
    public String toString() {
        return String.format(java.util.Locale.ROOT, "cost %.0f ns, step %.0f ns", cost * 1e6, resolution * 1e6);
    }
}
