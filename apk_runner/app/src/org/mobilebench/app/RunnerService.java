package org.mobilebench.app;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.Service;
import android.content.Intent;
import android.os.IBinder;

/** The foreground service of context {@code app-service}: it is there, with a notification, and does nothing itself. */
public final class RunnerService extends Service {
    static final String CHANNEL = "measurement";
    static final int NOTIFICATION = 1;

    @Override
    public int onStartCommand(Intent intent, int flags, int startId) {
        NotificationManager manager = getSystemService(NotificationManager.class);
        manager.createNotificationChannel(
                new NotificationChannel(CHANNEL, "Measurements", NotificationManager.IMPORTANCE_LOW));
        Notification notification = new Notification.Builder(this, CHANNEL)
                .setSmallIcon(android.R.drawable.stat_notify_sync_noanim)
                .setContentTitle("mobilebench")
                .setContentText("A measurement is running")
                .setOngoing(true)
                .build();
        // The type is the manifest's, on every version of Android.
        startForeground(NOTIFICATION, notification);
        Presence.arrived();
        return START_NOT_STICKY;
    }

    @Override
    public void onDestroy() {
        Presence.left();
        super.onDestroy();
    }

    @Override
    public IBinder onBind(Intent intent) {
        return null;
    }
}
