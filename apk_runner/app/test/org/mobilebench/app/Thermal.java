package org.mobilebench.app;

import android.os.PowerManager;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.ShadowPowerManager;

/** A power manager whose thermal headroom a test chooses; Robolectric's own has none. */
@Implements(PowerManager.class)
public class Thermal extends ShadowPowerManager {
    static float headroom = Float.NaN;

    @Implementation
    protected float getThermalHeadroom(int seconds) {
        return headroom;
    }
}
