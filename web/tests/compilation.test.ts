import { describe, expect, it } from 'vitest';
import { byStage, CompilationWatch } from '../src/recorders/compilation';

/** What compiles in a browser; each call takes as many milliseconds as it is told. */
function browser() {
  let time = 0;
  const done: (() => void)[] = [];
  class GPUDevice {
    label = 'device';
    createShaderModule(ms: number) {
      time += ms;
      return `${this.label}'s module`;
    }
    createComputePipelineAsync() {
      return new Promise<string>((resolve) => {
        done.push(() => {
          resolve('pipeline');
        });
      });
    }
  }
  class WebGL2RenderingContext {
    compileShader(ms: number) {
      time += ms;
    }
    linkProgram(ms: number) {
      time += ms;
    }
    getProgramParameter(ms: number) {
      time += ms;
      if (ms < 0) throw new Error('lost');
      return true;
    }
  }
  const watch = new CompilationWatch(() => time, { GPUDevice, WebGL2RenderingContext });
  return { watch, device: new GPUDevice(), context: new WebGL2RenderingContext(), done, pass: (ms: number) => (time += ms) };
}

describe('CompilationWatch', () => {
  it('counts what WebGL compiles and links, and how long it waits for it', () => {
    const { watch, context } = browser();
    context.compileShader(1);
    context.compileShader(2);
    context.linkProgram(3);
    expect(context.getProgramParameter(40)).toBe(true);
    expect(watch.take()).toEqual({ shaders: 2, pipelines: 1, ms: 46 });
  });

  it('leaves results and receivers as they are', () => {
    const { device } = browser();
    expect(device.createShaderModule(1)).toBe("device's module");
  });

  it('counts time once in which several pipelines are under way', async () => {
    const { watch, device, done, pass } = browser();
    const both = [device.createComputePipelineAsync(), device.createComputePipelineAsync()];
    for (const finish of done) {
      pass(10);
      finish();
      await Promise.resolve();
    }
    expect(await Promise.all(both)).toEqual(['pipeline', 'pipeline']);
    pass(100);
    expect(watch.take()).toEqual({ shaders: 0, pipelines: 2, ms: 20 });
  });

  it('starts anew for every stage', () => {
    const { watch, context, pass } = browser();
    expect(watch.take()).toBeUndefined();
    context.compileShader(5);
    expect(watch.take()).toEqual({ shaders: 1, pipelines: 0, ms: 5 });
    pass(7);
    expect(watch.take()).toBeUndefined();
  });

  it('goes on counting when a call has thrown', () => {
    const { watch, context, pass } = browser();
    expect(() => context.getProgramParameter(-1)).toThrow('lost');
    pass(50);
    context.compileShader(5);
    expect(watch.take()?.ms).toBe(4);
  });

  it('needs no GPU to be there', () => {
    expect(new CompilationWatch(() => 0, {}).take()).toBeUndefined();
  });
});

describe('byStage', () => {
  it('leaves out stages in which nothing was compiled', () => {
    const found = { shaders: 1, pipelines: 1, ms: 2 };
    expect(byStage({ setup: undefined, warmup: found, prediction: undefined })).toEqual({ warmup: found });
  });
});
