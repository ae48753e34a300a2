// What follows the network, on the GPU: detail, colours, strength, split, mirror.

const VERTEX = `#version 300 es
out vec2 uv;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  uv = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;
// detail as in blending.py: content + up(stylized - seen); colours: luma of BT.709
const FRAGMENT = `#version 300 es
precision highp float;
in vec2 uv;
out vec4 color;
uniform sampler2D content, seen, stylized;
uniform float strength, split, mirror, keepColors;
void main() {
  vec2 at = vec2(mirror > 0.5 ? 1.0 - uv.x : uv.x, uv.y);
  vec3 was = texture(content, at).rgb;
  vec3 now = clamp(was + texture(stylized, at).rgb - texture(seen, at).rgb, 0.0, 1.0);
  float shift = dot(now - was, vec3(0.2126, 0.7152, 0.0722));
  now = mix(now, clamp(was + shift, 0.0, 1.0), keepColors);
  color = vec4(uv.x < split ? was : mix(was, now, strength), 1.0);
}`;
const TEXTURES = ["content", "seen", "stylized"];

export class Compositor {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { preserveDrawingBuffer: true, antialias: false });
    if (!gl) throw new Error("this browser has no WebGL 2");
    this.canvas = canvas;
    this.gl = gl;
    this.program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    gl.useProgram(this.program);
    TEXTURES.forEach((name, place) => {
      gl.activeTexture(gl.TEXTURE0 + place);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.uniform1i(gl.getUniformLocation(this.program, name), place);
    });
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  }

  /** Take a frame: the picture itself, and RGB bytes of what the network saw and made. */
  take(picture, seen, stylized, width, height) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, picture);
    [seen, stylized].forEach((pixels, place) => {
      gl.activeTexture(gl.TEXTURE1 + place);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, width, height, 0, gl.RGB, gl.UNSIGNED_BYTE, pixels);
    });
  }

  draw(width, height, values) {
    const { gl, canvas } = this;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height);
    for (const [name, value] of Object.entries(values)) gl.uniform1f(gl.getUniformLocation(this.program, name), value);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
