package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.ByteBuffer;
import java.util.Iterator;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.jupiter.api.Test;

/** The published input formula and output summary, held against the vectors that all other implementations have to meet. */
final class VectorsTest {
    private final JSONObject vectors;

    VectorsTest() throws Exception {
        vectors = new JSONObject(Files.read(new File(System.getProperty("vectors"))));
    }

    private Iterator<Object> all(String kind) {
        assertTrue(vectors.getJSONArray(kind).length() > 1, kind);
        return vectors.getJSONArray(kind).iterator();
    }

    private static float ofBits(String hex) {
        return Float.intBitsToFloat(Integer.parseUnsignedInt(hex, 16));
    }

    @Test
    void hashes() {
        for (Iterator<Object> each = all("hash"); each.hasNext();) {
            JSONObject one = (JSONObject) each.next();
            int hash = Input.hash((int) one.getLong("index"), one.getInt("position"));
            assertEquals(one.getLong("hash"), Integer.toUnsignedLong(hash), one.toString());
        }
    }

    @Test
    void fills() throws Refusal {
        for (Iterator<Object> each = all("fill"); each.hasNext();) {
            JSONObject one = (JSONObject) each.next();
            String kind = one.getString("kind");
            JSONArray expected = one.getJSONArray(kind.equals("uniform") ? "float32_bits" : "integers");
            String range = kind + ":" + one.get("low") + ":" + one.get("high");
            String format = kind.equals("uniform") ? "float32" : "int32";
            Tensor tensor = Input.parse("x," + format + "," + expected.length() + "," + range).make(one.getInt("position"));
            for (int i = 0; i < expected.length(); i++) {
                double value = kind.equals("uniform") ? ofBits(expected.getString(i)) : expected.getInt(i);
                assertEquals(value, tensor.value(i), one.toString());
            }
        }
    }

    @Test
    void summaries() throws Exception {
        for (Iterator<Object> each = all("summary"); each.hasNext();) {
            JSONObject one = (JSONObject) each.next();
            JSONArray bits = one.getJSONArray("float32_bits");
            ByteBuffer data = ByteBuffer.allocate(4 * bits.length());
            Tensor tensor = new Tensor("x", NumberFormat.FLOAT32, new long[] {bits.length()}, data);
            for (int i = 0; i < bits.length(); i++) {
                data.putFloat(4 * i, ofBits(bits.getString(i)));
            }
            JSONObject found = Summary.of("y", tensor, 64);
            assertEquals(one.getString("digest"), found.getString("digest"), one.toString());
            assertEquals(one.getInt("non_finite"), found.getInt("non_finite"));
            for (String norm : new String[] {"l1", "l2", "max"}) {
                double value = one.getDouble(norm);
                assertEquals(value, found.getDouble(norm), Math.abs(value) * 1e-12, one.toString());
            }
            JSONObject sample = one.getJSONObject("sample");
            assertEquals(sample.getJSONArray("index").toString(), found.getJSONObject("sample").getJSONArray("index").toString());
            for (int i = 0; i < sample.getJSONArray("value").length(); i++) {
                double value = sample.getJSONArray("value").getDouble(i);
                assertEquals(value, found.getJSONObject("sample").getJSONArray("value").getDouble(i), 0.0);
            }
        }
    }
}
