package org.mobilebench.core;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The timed predictions of a block, by the rule of the native runner: at most so many, at most so long, at least so many.
 * Where the clock is too coarse for one prediction, groups of them are timed.
 */
final class Predictions {
    private static final int CALIBRATION = 9;
    /* Groups are made this many times longer than necessary, because the processor may speed up later. */
    private static final int MARGIN = 2;
    private static final long LARGEST_GROUP = 1 << 20;

    private final Engine engine;
    private final Options options;
    private double[] ms = new double[64];
    private int count;

    /** Predictions of each sample. */
    long group = 1;

    Predictions(Engine engine, Options options) {
        this.engine = engine;
        this.options = options;
    }

    /** One value for each sample, in milliseconds: the time of a prediction, or the mean of a group. */
    double[] samples() {
        return Arrays.copyOf(ms, count);
    }

    void take(ClockFacts clock, List<String> notes) throws Refusal {
        double end = end();
        takeSamples(Math.min(options.maxPredictions, CALIBRATION), end);
        double median = median();
        if (median < clock.longEnough()) {
            int tried = count;
            count = 0;
            findGroup(MARGIN * clock.longEnough());
            notes.add(
                    String.format(
                            Locale.ROOT,
                            "predictions are timed in groups of %d, since the clock (%s) is more than 1 %% of the median "
                                    + "prediction (%.0f ns, of %d that are not among the samples)",
                            group, clock, median * 1e6, tried));
            end = end();
        }
        takeSamples(options.maxPredictions, end);
    }

    private double end() {
        return now() + options.maxSeconds * 1e3;
    }

    private static double now() {
        return System.nanoTime() / 1e6;
    }

    private void takeSamples(int most, double end) throws Refusal {
        while (count < most && (count < options.minPredictions || now() < end)) {
            if (count == ms.length) {
                ms = Arrays.copyOf(ms, 2 * count);
            }
            ms[count] = timed(group) / group;
            count++;
        }
    }

    private double timed(long group) throws Refusal {
        long began = System.nanoTime();
        for (long i = 0; i < group; i++) {
            engine.predict();
        }
        return (System.nanoTime() - began) / 1e6;
    }

    private double median() {
        double[] sorted = samples();
        Arrays.sort(sorted);
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    }

    /** Finds the smallest group that takes so long, by timing larger and larger ones. */
    private void findGroup(double least) throws Refusal {
        double spent;
        for (group = 2; group < LARGEST_GROUP; group = spent > least / 2 ? group + group / 4 + 1 : group * 2) {
            spent = Double.MAX_VALUE;
            for (int i = 0; i < CALIBRATION; i++) {
                spent = Math.min(spent, timed(group));
            }
            if (spent >= least) {
                return;
            }
        }
    }
}
