package org.mobilebench.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A named array of numbers in memory, dense and in the processor's byte order. */
public final class Tensor {
    static final int MOST_DIMENSIONS = 8;

    public final String name;
    public final NumberFormat format;
    public final long[] shape;
    /** Its values; position 0. */
    public final ByteBuffer data;

    /** @param data holds exactly the values of this shape */
    public Tensor(String name, NumberFormat format, long[] shape, ByteBuffer data) {
        this.name = name;
        this.format = format;
        this.shape = shape;
        this.data = data.order(ByteOrder.nativeOrder());
    }

    /**
     * A tensor of zeros outside of the virtual machine's objects, where engines can read it.
     *
     * @throws Refusal it is too large
     */
    static Tensor zeros(String name, NumberFormat format, long[] shape) throws Refusal {
        long bytes = format.bytes;
        for (long size : shape) {
            if (size < 0 || (size > 0 && bytes > Integer.MAX_VALUE / size)) {
                throw Refusal.badArgument("tensor `" + name + "` is larger than 2 GiB or has a negative dimension");
            }
            bytes *= size;
        }
        try {
            return new Tensor(name, format, shape, ByteBuffer.allocateDirect((int) bytes));
        } catch (OutOfMemoryError error) {
            throw Refusal.error("no memory for the " + bytes + " bytes of tensor `" + name + "`");
        }
    }

    public int elements() {
        return data.capacity() / format.bytes;
    }

    double value(int index) {
        return format.get(data, index);
    }
}
