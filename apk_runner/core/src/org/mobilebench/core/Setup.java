package org.mobilebench.core;

import java.util.LinkedHashMap;
import java.util.Map;

/** The times of the parts of setup, in milliseconds, one after the other. */
public final class Setup {
    final Map<String, Double> parts = new LinkedHashMap<>();
    private long began = System.nanoTime();

    /** Ends a part, and begins the next one. A part that ends twice has both times. */
    public void end(String part) {
        long now = System.nanoTime();
        double before = parts.containsKey(part) ? parts.get(part) : 0;
        parts.put(part, before + (now - began) / 1e6);
        began = System.nanoTime();
    }
}
