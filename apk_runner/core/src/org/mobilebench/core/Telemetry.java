package org.mobilebench.core;

import org.json.JSONException;
import org.json.JSONObject;

/** Forbids ONNX Runtime to send anything, by the environment variable that the native runner sets, too. */
final class Telemetry {
    private static final String NAME = "ORT_DISABLE_TELEMETRY";
    private static final String VALUE = "1";

    private Telemetry() {}

    /** Sets the variable for native code of this process; Java cannot do that by itself. */
    static void forbid() throws Refusal {
        if (!VALUE.equals(System.getenv(NAME))) {
            NativeRunner.setVariable(NAME, VALUE);
        }
    }

    /** The variable as it is set, once {@link #forbid} has returned. */
    static JSONObject environment() {
        try {
            return new JSONObject().put(NAME, VALUE);
        } catch (JSONException error) {
            throw new IllegalStateException(error);
        }
    }
}
