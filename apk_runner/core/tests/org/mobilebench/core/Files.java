package org.mobilebench.core;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** What several tests need: files with given words, and jobs. */
final class Files {
    private Files() {}

    static File write(Path folder, String name, String text) throws IOException {
        return java.nio.file.Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8)).toFile();
    }

    static String read(File file) throws IOException {
        return new String(java.nio.file.Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8);
    }

    /** A good job with these arguments, each in quotes. */
    static String job(String runner, String arguments) {
        return "{\"schema\": \"mobilebench.job/1\", \"id\": \"0af3\", \"runner\": \"" + runner
                + "\", \"context\": \"app-service\", \"arguments\": [" + arguments + "]}";
    }
}
