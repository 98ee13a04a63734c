package org.mobilebench.app;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.view.Gravity;
import android.view.WindowManager;
import android.widget.TextView;

/** The foreground of context {@code app-foreground}: keeps the screen on, and shows the model and the stage. */
public final class RunnerActivity extends Activity {
    static final String MODEL = "model";

    private static volatile RunnerActivity shown;

    private TextView text;
    private String model = "";

    /** Shows a stage, when the activity is there. Any thread may call it. */
    static void show(String stage) {
        RunnerActivity activity = shown;
        if (activity != null) {
            activity.runOnUiThread(() -> activity.text.setText(activity.words(stage)));
        }
    }

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        Intent intent = getIntent();
        String named = intent == null ? null : intent.getStringExtra(MODEL);
        model = named == null ? "" : named;
        text = new TextView(this);
        text.setGravity(Gravity.CENTER);
        text.setText(words(""));
        setContentView(text);
        shown = this;
    }

    @Override
    protected void onResume() {
        super.onResume();
        Presence.arrived();
    }

    @Override
    protected void onPause() {
        Presence.left();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        if (shown == this) {
            shown = null;
        }
        super.onDestroy();
    }

    private String words(String stage) {
        return stage.isEmpty() ? model : model + "\n" + stage;
    }
}
