package org.mobilebench.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.app.Application;
import android.content.ComponentName;
import android.content.pm.ActivityInfo;
import android.content.pm.ApplicationInfo;
import android.content.pm.PackageInfo;
import android.content.pm.PackageManager;
import android.content.pm.ServiceInfo;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;

/** The manifest inside the APK, as Android's own parser of packages reads it. */
@RunWith(RobolectricTestRunner.class)
public class ManifestTest {
    private final Application app = RuntimeEnvironment.getApplication();
    private final PackageManager packages = app.getPackageManager();

    @Test
    public void noComponentIsExported() throws Exception {
        PackageInfo info = packages.getPackageInfo(app.getPackageName(), PackageManager.GET_ACTIVITIES | PackageManager.GET_SERVICES
                | PackageManager.GET_RECEIVERS | PackageManager.GET_PROVIDERS);
        assertEquals(1, info.activities.length);
        assertEquals(1, info.services.length);
        assertNull(info.receivers);
        assertNull(info.providers);
        assertFalse(info.activities[0].exported);
        assertFalse(info.services[0].exported);
    }

    @Test
    public void theServiceIsOfSpecialUse() throws Exception {
        ComponentName name = new ComponentName(app, RunnerService.class);
        ServiceInfo service = packages.getServiceInfo(name, 0);
        assertEquals(ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE, service.getForegroundServiceType());
    }

    @Test
    public void runAsWorksAndNothingIsBackedUp() {
        ApplicationInfo info = app.getApplicationInfo();
        assertTrue((info.flags & ApplicationInfo.FLAG_DEBUGGABLE) != 0);
        assertTrue((info.flags & ApplicationInfo.FLAG_EXTRACT_NATIVE_LIBS) != 0);
        assertEquals(0, info.flags & ApplicationInfo.FLAG_ALLOW_BACKUP);
    }

    @Test
    public void theActivityStaysWhenThePhoneIsTurned() throws Exception {
        ActivityInfo info = packages.getActivityInfo(new ComponentName(app, RunnerActivity.class), 0);
        int turned = ActivityInfo.CONFIG_ORIENTATION | ActivityInfo.CONFIG_SCREEN_SIZE | ActivityInfo.CONFIG_UI_MODE;
        assertEquals(turned, info.configChanges & turned);
    }
}
