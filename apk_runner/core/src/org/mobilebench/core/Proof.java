package org.mobilebench.core;

import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What an engine reads back as evidence that a block ran as asked. What could not be read stays out. */
public final class Proof {
    /** Path of each file that was really loaded, to its size. */
    final Map<String, Long> files = new LinkedHashMap<>();
    final List<String> notes = new ArrayList<>();
    String backend;

    /** A file that was loaded. */
    public void file(File file) {
        files.put(file.getPath(), file.length());
    }

    /** A library of this process by its file name, if one is loaded. */
    public void library(String name) {
        String path = Proc.loaded(name);
        if (path != null) {
            file(new File(path));
        }
    }

    /** The backend as it was read back from the engine. */
    public void backend(String name) {
        backend = name;
    }

    public void note(String words) {
        notes.add(words);
    }
}
