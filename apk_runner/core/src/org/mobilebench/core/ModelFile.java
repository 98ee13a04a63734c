package org.mobilebench.core;

import java.io.EOFException;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Reads a model into memory, or maps it. */
final class ModelFile {
    private ModelFile() {}

    /**
     * All bytes of a file, outside of the virtual machine's objects.
     *
     * @param mapped its pages come when the engine uses them, instead of now
     * @throws Refusal it cannot be read, is empty, or is too large for this process
     */
    static ByteBuffer read(String path, boolean mapped) throws Refusal {
        File file = new File(path);
        long bytes = file.length();
        if (!file.isFile()) {
            throw Refusal.error("`" + path + "` " + (file.exists() ? "is not a file" : "cannot be opened: there is no such file"));
        }
        if (bytes == 0) {
            throw Refusal.error("`" + path + "` is empty");
        }
        if (bytes > Integer.MAX_VALUE) {
            throw Refusal.error("`" + path + "` is too large for an engine in Java, which takes at most 2 GiB");
        }
        try (FileInputStream stream = new FileInputStream(file)) {
            if (mapped) {
                return stream.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, bytes);
            }
            ByteBuffer data = ByteBuffer.allocateDirect((int) bytes);
            fill(stream.getChannel(), data);
            return data;
        } catch (IOException error) {
            throw Refusal.error("`" + path + "` cannot be read: " + error.getMessage());
        } catch (OutOfMemoryError error) {
            long most = Runtime.getRuntime().maxMemory() >> 20;
            throw Refusal.error(
                    "no memory for the " + bytes + " bytes of `" + path + "`: the app may use " + most
                            + " MB; the native runner has no such limit");
        }
    }

    /** Fills a buffer from the beginning of a file; its position is 0 afterwards. */
    static void readInto(File file, ByteBuffer data) throws IOException {
        try (FileInputStream stream = new FileInputStream(file)) {
            fill(stream.getChannel(), data);
        }
    }

    private static void fill(FileChannel channel, ByteBuffer data) throws IOException {
        while (data.hasRemaining()) {
            if (channel.read(data) < 0) {
                throw new EOFException("it ended early");
            }
        }
        data.rewind();
    }
}
