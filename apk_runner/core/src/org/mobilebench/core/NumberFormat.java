package org.mobilebench.core;

import java.nio.ByteBuffer;

/** The number formats of inputs and outputs. */
public enum NumberFormat {
    FLOAT32(4, -3.0e38, 3.0e38),
    INT32(4, -2147483648.0, 2147483648.0),
    INT64(8, -9007199254740992.0, 9007199254740992.0),
    UINT8(1, 0, 256),
    INT8(1, -128, 128),
    BOOL(1, 0, 2);

    /** Bytes of one value. */
    public final int bytes;
    /** The least value that an input may be filled with, and the limit below which all of them lie. */
    final double lowest;
    final double highest;

    NumberFormat(int bytes, double lowest, double highest) {
        this.bytes = bytes;
        this.lowest = lowest;
        this.highest = highest;
    }

    /** Its name in arguments and manifests, such as {@code float32}. */
    public String text() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    /** The format of this name; null when there is none. */
    static NumberFormat named(String name) {
        for (NumberFormat one : values()) {
            if (one.text().equals(name)) {
                return one;
            }
        }
        return null;
    }

    double get(ByteBuffer data, int index) {
        switch (this) {
            case FLOAT32:
                return data.getFloat(index * bytes);
            case INT32:
                return data.getInt(index * bytes);
            case INT64:
                return data.getLong(index * bytes);
            case INT8:
                return data.get(index);
            default:
                return data.get(index) & 0xFF;
        }
    }

    void put(ByteBuffer data, int index, double value) {
        switch (this) {
            case FLOAT32:
                data.putFloat(index * bytes, (float) value);
                break;
            case INT32:
                data.putInt(index * bytes, (int) value);
                break;
            case INT64:
                data.putLong(index * bytes, (long) value);
                break;
            default:
                data.put(index, (byte) (int) value);
        }
    }
}
