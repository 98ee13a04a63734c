package org.mobilebench.core;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A summary of an output that is small to store, and sufficient to compare: the native runner's, bit by bit. */
final class Summary {
    private Summary() {}

    /**
     * The summary as an answer holds it.
     *
     * @param name the canonical name
     * @param most values of the output to add
     */
    static JSONObject of(String name, Tensor tensor, int most) throws JSONException {
        double sum = 0;
        double squares = 0;
        double largest = 0;
        int notFinite = 0;
        int digest = 0x811C9DC5;
        for (int i = 0; i < tensor.elements(); i++) {
            float value = (float) tensor.value(i);
            double magnitude = Math.abs(finiteOrZero(value));
            notFinite += isFinite(value) ? 0 : 1;
            sum += magnitude;
            squares += magnitude * magnitude;
            largest = Math.max(largest, magnitude);
            digest = digest(digest, value);
        }
        JSONArray shape = new JSONArray();
        for (long size : tensor.shape) {
            shape.put(size);
        }
        return new JSONObject()
                .put("name", name)
                .put("shape", shape)
                .put("non_finite", notFinite)
                .put("l1", sum)
                .put("l2", Math.sqrt(squares))
                .put("max", largest)
                .put("digest", String.format("%08x", digest))
                .put("sample", sample(tensor, most));
    }

    private static JSONObject sample(Tensor tensor, int most) throws JSONException {
        int count = Math.min(tensor.elements(), most);
        JSONArray index = new JSONArray();
        JSONArray value = new JSONArray();
        for (int k = 0; k < count; k++) {
            int at = (int) ((long) k * tensor.elements() / count);
            index.put(at);
            value.put(finiteOrZero((float) tensor.value(at)));
        }
        return new JSONObject().put("index", index).put("value", value);
    }

    /** FNV-1a of the value's four bytes, the lowest first. */
    private static int digest(int digest, float value) {
        int bits = Float.floatToRawIntBits(value);
        for (int shift = 0; shift < 32; shift += 8) {
            digest = (digest ^ (bits >>> shift & 0xFF)) * 0x01000193;
        }
        return digest;
    }

    private static boolean isFinite(float value) {
        return !Float.isNaN(value) && !Float.isInfinite(value);
    }

    private static double finiteOrZero(float value) {
        return isFinite(value) ? value : 0;
    }
}
