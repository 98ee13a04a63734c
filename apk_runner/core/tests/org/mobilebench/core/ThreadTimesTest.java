package org.mobilebench.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Which threads count, and how many of them worked. */
final class ThreadTimesTest {
    @Test
    void onlyTheCallerAndThreadsThatBeginLaterCount() throws InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        CountDownLatch begun = new CountDownLatch(2);
        Runnable waits = () -> {
            begun.countDown();
            try {
                ended.await();
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        };
        new Thread(waits, "earlier").start();
        ThreadTimes times = new ThreadTimes();
        new Thread(waits, "later").start();
        begun.await();
        List<Integer> own = times.own();
        ended.countDown();
        assertEquals(2, own.size(), own.toString());
        assertTrue(own.contains(Proc.thisThread()));
        assertTrue(times.left() > 5);
    }

    @Test
    void aThreadWorksWithAHundredthOfTheBusiestOnesTime() {
        assertEquals(3, ThreadTimes.atWork(Arrays.asList(100.0, 50.0, 1.0, 0.9)));
        assertEquals(0, ThreadTimes.atWork(Collections.singletonList(0.0)));
    }

    @Test
    void listsOfCpusAreRead() {
        assertEquals(Arrays.asList(0, 1, 2, 6), Proc.listed("0-2,6"));
        assertEquals(Collections.singletonList(3), Proc.listed("3"));
        for (String bad : new String[] {"", "a", "1-", "1,,2", "99999"}) {
            assertNull(Proc.listed(bad), bad);
        }
    }
}
