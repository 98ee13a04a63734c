# Builds for Android without its NDK: clang and lld of this computer, and what lies in this folder.
# ANDROID_ABI says for which processor. bionic.cmake says the rest.
set(CMAKE_SYSTEM_NAME Linux)

set(triple_arm64-v8a aarch64-linux-android24)
set(triple_armeabi-v7a armv7a-linux-androideabi24)
set(triple_x86_64 x86_64-linux-android24)
set(processor_arm64-v8a aarch64)
set(processor_armeabi-v7a armv7-a)
set(processor_x86_64 x86_64)

if(NOT DEFINED triple_${ANDROID_ABI})
    message(FATAL_ERROR "ANDROID_ABI has to be arm64-v8a, armeabi-v7a or x86_64, not "
                        "`${ANDROID_ABI}`.")
endif()

set(CMAKE_SYSTEM_PROCESSOR ${processor_${ANDROID_ABI}})
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET ${triple_${ANDROID_ABI}})
set(CMAKE_ASM_COMPILER clang)
set(CMAKE_ASM_COMPILER_TARGET ${triple_${ANDROID_ABI}})
# A whole program cannot be linked before the stub libraries are there.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ANDROID_ABI)

set(MOBILEBENCH_BIONIC ON)
