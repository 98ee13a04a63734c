package org.mobilebench.core;

/** The engines in Java by name. Their classes are found only when they are asked for: an app may be built without some. */
final class Engines {
    private Engines() {}

    private static String className(String engine) {
        switch (engine) {
            case "onnxruntime":
                return "org.mobilebench.core.OrtJavaEngine";
            default:
                return null;
        }
    }

    /** @throws Refusal there is no such engine, or this app is built without its classes */
    static Engine named(String engine) throws Refusal {
        String name = className(engine);
        if (name == null) {
            throw Refusal.badArgument("there is no engine `" + engine + "` in Java");
        }
        try {
            return (Engine) Class.forName(name).getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException | LinkageError error) {
            throw Refusal.unsupported("this app is built without the Java classes of engine `" + engine + "`");
        }
    }
}
