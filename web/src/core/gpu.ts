// Which GPU a page asks for and gets. Frameworks request it themselves, so their requests are observed, and get a power
// preference where a setting wants one.
import { GpuLoss } from './loss';
import { replaceFunctions } from './replace';
import type { Proof } from './types';

export type PowerPreference = 'low-power' | 'high-performance';
export type GpuApi = 'webgl' | 'webgpu';

/** Returns whether a backend computes with one of these interfaces. */
export function isGpuApi(backend: string): backend is GpuApi {
  return backend === 'webgl' || backend === 'webgpu';
}

const SOFTWARE_RENDERER = /swiftshader|llvmpipe|lavapipe|softpipe|swrast|software|basic render|pixelflinger/i;
/** Names that browsers report instead of the renderer, to hide it. */
const NO_NAME = /^(webkit webgl|mozilla|generic renderer|angle|google inc\.|webgl|unknown|)$/i;
const PREFERENCES: Record<string, PowerPreference> = { integrated: 'low-power', discrete: 'high-performance' };

/** Returns the power preference that asks for a GPU; undefined where the framework and the browser may choose. */
export function preferenceOf(gpu: string | null): PowerPreference | undefined {
  return gpu === null ? undefined : PREFERENCES[gpu];
}

export function isSoftwareRenderer(renderer: string): boolean {
  return SOFTWARE_RENDERER.test(renderer);
}

/**
 * Returns whether a renderer of this name runs on the processor; undefined where the name does not show it. `fallback`
 * is the browser's own statement about a WebGPU adapter.
 */
export function softwareOf(renderer: string, fallback: boolean | undefined): boolean | undefined {
  if (fallback === true || isSoftwareRenderer(renderer)) return true;
  return fallback === undefined && NO_NAME.test(renderer.trim()) ? undefined : false;
}

type Canvas = HTMLCanvasElement | OffscreenCanvas;
type Context = WebGLRenderingContext | WebGL2RenderingContext;

/** Notes every WebGL context and WebGPU device that any framework creates from now on. */
export class GpuWatch {
  /** The power preference of every later request, in place of the framework's. */
  preference: PowerPreference | undefined;
  readonly loss = new GpuLoss();
  private asked: string | undefined;
  private context: Context | undefined;
  private adapter: GPUAdapterInfo | undefined;
  private features: readonly string[] = [];

  constructor() {
    if (typeof HTMLCanvasElement !== 'undefined') this.watchCanvas(HTMLCanvasElement.prototype);
    if (typeof OffscreenCanvas !== 'undefined') this.watchCanvas(OffscreenCanvas.prototype);
    if (typeof GPU !== 'undefined') this.watchAdapters();
  }

  /** Returns the renderer and the power preference of the WebGL context that was created last. */
  webgl(): Proof {
    return this.context === undefined ? {} : this.proofOf(rendererOf(this.context), undefined);
  }

  /** Returns the adapter and the power preference of the WebGPU device that was created last. */
  webgpu(): Proof {
    if (this.adapter === undefined) return {};
    const proof = this.proofOf(describe(this.adapter), this.adapter.isFallbackAdapter);
    return { ...proof, environment: { webgpu_features: [...this.features].sort().join(' ') } };
  }

  private proofOf(renderer: string, fallback: boolean | undefined): Proof {
    const software = softwareOf(renderer, fallback);
    return {
      ...(renderer !== '' && { renderer }),
      ...(software !== undefined && { renderer_software: software }),
      power_preference: this.asked ?? 'none',
    };
  }

  private watchCanvas(prototype: Canvas): void {
    type GetContext = (this: Canvas, kind: string, attributes?: WebGLContextAttributes) => unknown;
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const watch = this;
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const original = prototype.getContext as GetContext;
    const watched: GetContext = function (kind, attributes) {
      if (!kind.includes('webgl')) return original.call(this, kind, attributes);
      const wanted = watch.preference === undefined ? attributes : { ...attributes, powerPreference: watch.preference };
      const context = original.call(this, kind, wanted) as Context | null;
      if (context !== null) {
        if (context !== watch.context) watch.loss.ofCanvas(this);
        watch.context = context;
        watch.asked = wanted?.powerPreference;
      }
      return context;
    };
    replaceFunctions(prototype, { getContext: watched });
  }

  private watchAdapters(): void {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const watch = this;
    /* eslint-disable @typescript-eslint/unbound-method */
    const { requestAdapter } = GPU.prototype;
    const { requestDevice } = GPUAdapter.prototype;
    /* eslint-enable @typescript-eslint/unbound-method */
    replaceFunctions(GPU.prototype, {
      requestAdapter(this: GPU, options?: GPURequestAdapterOptions) {
        const wanted = watch.preference === undefined ? options : { ...options, powerPreference: watch.preference };
        watch.asked = wanted?.powerPreference;
        return requestAdapter.call(this, wanted);
      },
    });
    replaceFunctions(GPUAdapter.prototype, {
      async requestDevice(this: GPUAdapter, descriptor?: GPUDeviceDescriptor) {
        const device = await requestDevice.call(this, descriptor);
        watch.adapter = this.info;
        watch.features = [...device.features];
        watch.loss.ofDevice(device);
        return device;
      },
    });
  }
}

function rendererOf(context: Context): string {
  const names = context.getExtension('WEBGL_debug_renderer_info');
  const renderer: unknown = context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER);
  return typeof renderer === 'string' ? renderer : '';
}

function describe(info: GPUAdapterInfo): string {
  return [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ');
}

/** Returns the renderer that the browser gives for a power preference; undefined when it gives none. */
export async function rendererFor(api: GpuApi, powerPreference: PowerPreference): Promise<string | undefined> {
  if (api === 'webgpu') {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference });
    return adapter === null ? undefined : describe(adapter.info);
  }
  const context = document.createElement('canvas').getContext('webgl2', { powerPreference });
  const renderer = context === null ? undefined : rendererOf(context);
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return renderer;
}

/**
 * Returns why it is not proven that the wanted GPU was used; undefined when it was. `used` is the renderer on which the
 * engine computed, `given` the renderer that the browser gives for each preference.
 */
export function whyNotHonoured(
  wanted: PowerPreference,
  used: string | undefined,
  given: Record<PowerPreference, string | undefined>,
): string | undefined {
  if (given['low-power'] === given['high-performance']) {
    return `The browser gives the same GPU for both power preferences: ${given[wanted] ?? 'none'}.`;
  }
  if (used === given[wanted]) return undefined;
  return `The browser's ${wanted} GPU is ${given[wanted] ?? 'missing'}, but the engine computed on ${used ?? 'none'}.`;
}
