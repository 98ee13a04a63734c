package org.mobilebench.core;

import java.io.File;
import java.io.IOException;
import java.util.regex.Pattern;

/** An input of the model, and what it is filled with: the option {@code --input NAME,DTYPE,SHAPE,FILL}. */
final class Input {
    private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
    private static final Pattern SIZE = Pattern.compile("\\d{1,10}");
    private static final String FILE = "file:";

    final String name;
    final NumberFormat format;
    long[] shape;
    private final boolean integers;
    private final double low;
    private final double high;
    /** A file with the values; null: they follow the published formula. */
    private final String file;

    private Input(String name, NumberFormat format, long[] shape, String fill) throws Refusal {
        this.name = name;
        this.format = format;
        this.shape = shape;
        if (fill.startsWith(FILE) && fill.length() > FILE.length()) {
            file = fill.substring(FILE.length());
            integers = false;
            low = high = 0;
            return;
        }
        String[] parts = fill.split(":", -1);
        file = null;
        integers = parts[0].equals("integers");
        low = parts.length == 3 ? number(parts[1]) : Double.NaN;
        high = parts.length == 3 ? number(parts[2]) : Double.NaN;
        boolean whole = Math.rint(low) == low && Math.rint(high) == high && high - low <= 4294967295.0;
        boolean known = integers ? whole : parts[0].equals("uniform");
        if (!known || !(low < high) || low < format.lowest || high > format.highest) {
            throw Refusal.badArgument(
                    "input `" + name + "`: its fill has to be file:PATH, or uniform:LOW:HIGH or integers:LOW:HIGH within "
                            + "its number format");
        }
    }

    /** Reads the option's value; the name may itself hold commas. */
    static Input parse(String text) throws Refusal {
        int file = text.indexOf("," + FILE);
        int fill = file >= 0 ? file : text.lastIndexOf(',');
        int shape = fill < 0 ? -1 : text.lastIndexOf(',', fill - 1);
        int format = shape < 0 ? -1 : text.lastIndexOf(',', shape - 1);
        if (format <= 0) {
            throw Refusal.badArgument("--input takes NAME,DTYPE,SHAPE,FILL");
        }
        String name = text.substring(0, format);
        NumberFormat known = NumberFormat.named(text.substring(format + 1, shape));
        if (known == null) {
            throw Refusal.badArgument(
                    "input `" + name + "`: its number format has to be float32, int32, int64, int8, uint8 or bool");
        }
        return new Input(name, known, sizes(name, text.substring(shape + 1, fill)), text.substring(fill + 1));
    }

    private static long[] sizes(String name, String text) throws Refusal {
        String shape = text.startsWith("open:") ? text.substring("open:".length()) : text;
        if (shape.equals("scalar")) {
            return new long[0];
        }
        String[] parts = shape.split("x", -1);
        long[] sizes = new long[parts.length];
        boolean good = parts.length <= Tensor.MOST_DIMENSIONS;
        for (int i = 0; good && i < parts.length; i++) {
            sizes[i] = SIZE.matcher(parts[i]).matches() ? Long.parseLong(parts[i]) : 0;
            good = sizes[i] >= 1 && sizes[i] <= Integer.MAX_VALUE;
        }
        if (!good) {
            throw Refusal.badArgument(
                    "input `" + name + "`: its shape has to be 1 to " + Tensor.MOST_DIMENSIONS
                            + " sizes of at least 1, as in 1x224x224x3, or scalar");
        }
        return sizes;
    }

    static double number(String text) {
        return NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    }

    /** Makes the first size `batch`. */
    void batch(int batch) throws Refusal {
        if (shape.length == 0) {
            throw Refusal.badArgument("--batch " + batch + ": input `" + name + "` is a scalar, which has no batch");
        }
        shape = shape.clone();
        shape[0] = batch;
    }

    /**
     * The input with its values.
     *
     * @param position its place among the model's inputs
     */
    Tensor make(int position) throws Refusal {
        Tensor tensor = Tensor.zeros(name, format, shape);
        if (file != null) {
            fromFile(tensor);
            return tensor;
        }
        for (int i = 0; i < tensor.elements(); i++) {
            int hash = hash(i, position);
            format.put(tensor.data, i, integers ? integer(hash) : uniform(hash));
        }
        return tensor;
    }

    private void fromFile(Tensor tensor) throws Refusal {
        long found = new File(file).length();
        if (found != tensor.data.capacity()) {
            throw Refusal.error(
                    "`" + file + "` holds " + found + " bytes, but its input has " + tensor.data.capacity());
        }
        try {
            ModelFile.readInto(new File(file), tensor.data);
        } catch (IOException error) {
            throw Refusal.error("`" + file + "` cannot be read: " + error.getMessage());
        }
    }

    /** The published formula's hash of one element of one input; 32 bits without sign. */
    static int hash(int index, int position) {
        int h = index + position * 0x9E3779B9;
        h = (h ^ (h >>> 16)) * 0x7FEB352D;
        h = (h ^ (h >>> 15)) * 0x846CA68B;
        return h ^ (h >>> 16);
    }

    private double uniform(int hash) {
        return low + (high - low) * (hash >>> 8) / 16777216.0;
    }

    private double integer(int hash) {
        return low + (Integer.toUnsignedLong(hash) % (long) (high - low));
    }
}
