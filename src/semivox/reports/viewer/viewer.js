"use strict";
// Shows the scenes described by the page's own data with NiiVue. Everything is in the page or beside it.
window.semivoxViewer = (function () {
  const LAYOUTS = { planes: 3, axial: 0, coronal: 1, sagittal: 2, "3D": 4 };

  function element(tag, attributes, text) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // A source is {url} beside the page, {id} of an element that holds base64, or {data}, base64 itself.
  async function bytesOf(source) {
    if (source.url) {
      const answer = await fetch(source.url);
      if (!answer.ok) throw new Error("the scan could not be loaded (" + answer.status + ")");
      return await answer.arrayBuffer();
    }
    const text = atob(source.data || document.getElementById(source.id).textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
    return bytes.buffer;
  }

  function labelColors(classes) {
    const table = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: ["background"] };
    for (const one of classes) {
      const value = parseInt(one.color.slice(1), 16);
      table.R.push(value >> 16); table.G.push((value >> 8) & 255); table.B.push(value & 255);
      table.A.push(255); table.I.push(one.value); table.labels.push(one.name);
    }
    return table;
  }

  async function volumeOf(nv, layer) {
    const buffer = await bytesOf(layer.source);
    const volume = await niivue.NVImage.loadFromUrl({
      url: layer.name + ".nii.gz", buffer: buffer, name: layer.name + ".nii.gz",
      colormap: layer.colormap || "gray", opacity: layer.opacity === undefined ? 1 : layer.opacity,
      cal_min: layer.low === undefined ? NaN : layer.low, cal_max: layer.high === undefined ? NaN : layer.high,
    });
    if (layer.classes) volume.setColormapLabel(labelColors(layer.classes));
    return volume;
  }

  function create(root, scenes, windows) {
    const state = { nv: null, scene: null, canvas: null, loading: 0, ready: false };
    const bar = element("div", { class: "viewer-bar", role: "toolbar", "aria-label": "viewer" });
    const choice = element("select", { "aria-label": "case", class: "viewer-case" });
    scenes.forEach((scene, index) => choice.append(element("option", { value: index }, scene.name)));
    const layout = element("select", { "aria-label": "layout", class: "viewer-layout" });
    for (const name of ["planes", "axial", "coronal", "sagittal", "3D"]) layout.append(element("option", { value: name }, name));
    const level = element("select", { "aria-label": "window", class: "viewer-window" });
    windows.forEach((one, index) => level.append(element("option", { value: index }, one.name)));
    const layers = element("span", { class: "viewer-layers" });
    bar.append(choice, layout, level, layers);
    const frame = element("div", { class: "viewer-frame" });
    const canvas = element("canvas", { class: "viewer-canvas", tabindex: "0", "aria-label": "scan" });
    frame.append(canvas);
    const status = element("p", { class: "viewer-status", "aria-live": "polite" }, "");
    root.replaceChildren(bar, frame, status);
    state.canvas = canvas;

    function fail(error) {
      status.textContent = "This cannot be shown: " + (error && error.message ? error.message : error);
      status.classList.add("error");
    }

    if (!document.createElement("canvas").getContext("webgl2")) {
      fail("this browser has no WebGL2, which the viewer needs; another browser, or one with hardware acceleration on, shows it");
      return state;
    }
    const nv = new niivue.Niivue({
      backColor: [0, 0, 0, 1], show3Dcrosshair: true, isRadiologicalConvention: true, isColorbar: false,
      crosshairWidth: 0.25, crosshairWidthUnit: "percent", isResizeCanvas: true, dragAndDropEnabled: false, logLevel: "error", multiplanarShowRender: 1,
      onLocationChange: locate,
    });
    state.nv = nv;

    function locate(place) {
      const mm = Array.from(place.mm || []).slice(0, 3).map((value) => value.toFixed(1)).join(", ");
      const parts = ["position " + mm + " mm (right, front, up)"];
      (place.values || []).forEach((one, index) => {
        const layer = state.shown[index];
        if (!layer) return;
        const value = Math.round(one.value * 1000) / 1000;
        const known = layer.classes && layer.classes.find((item) => item.value === Math.round(one.value));
        if (layer.classes) parts.push(layer.name + ": " + (known ? known.name : "background"));
        else parts.push(layer.name + ": " + value);
      });
      status.textContent = parts.join(" · ");
    }

    // In 3D the scan would hide the surfaces of what is labeled in it; a scan without labels is shown itself.
    function lay() {
      nv.setSliceType(LAYOUTS[layout.value]);
      const laid = Array.from(layers.querySelectorAll("input[type=checkbox]")).some((box) => box.checked);
      if (nv.volumes.length) nv.setOpacity(0, layout.value === "3D" && laid ? 0 : 1);
    }

    function draw() { nv.updateGLVolume(); }

    function controls(scene) {
      layers.replaceChildren();
      scene.layers.forEach((layer, index) => {
        if (index === 0) return;
        const mark = element("label", { class: "viewer-layer" });
        const box = element("input", { type: "checkbox" });
        box.checked = (layer.opacity === undefined ? 1 : layer.opacity) > 0;
        const slide = element("input", { type: "range", min: "0", max: "1", step: "0.05", "aria-label": "opacity of " + layer.name });
        slide.value = layer.opacity || 0.5;
        const set = () => { nv.setOpacity(index, box.checked ? Number(slide.value) : 0); lay(); };
        box.addEventListener("change", set);
        slide.addEventListener("input", () => { box.checked = true; set(); });
        mark.append(box, document.createTextNode(layer.name + " "), slide);
        layers.append(mark);
      });
      for (const one of (scene.layers.find((layer) => layer.classes) || { classes: [] }).classes) {
        const key = element("span", { class: "viewer-key" }, one.name);
        key.style.borderColor = one.color;
        layers.append(key);
      }
    }

    async function show(index) {
      const turn = ++state.loading;
      state.ready = false;
      const scene = scenes[index];
      status.classList.remove("error");
      status.textContent = "loading " + scene.name + " ...";
      try {
        const volumes = [];
        for (const layer of scene.layers) volumes.push(await volumeOf(nv, layer));
        if (turn !== state.loading) return;
        while (nv.volumes.length) nv.removeVolume(nv.volumes[nv.volumes.length - 1]);
        state.shown = scene.layers;
        for (const volume of volumes) nv.addVolume(volume);
        state.scene = scene;
        controls(scene);
        window_(level.value);
        lay();
        draw();
        status.textContent = scene.name + ": scroll to move through the slices, drag to move the cursor; in 3D drag to turn. Keys: n, p other case; v layout; 1-9 overlays";
        state.ready = true;
        root.dataset.ready = scene.name;
      } catch (error) { if (turn === state.loading) fail(error); }
    }

    function window_(index) {
      const one = windows[index];
      const base = nv.volumes[0];
      if (!base || !one) return;
      if (one.low === null || one.low === undefined) {
        const first = state.scene.layers[0];
        base.cal_min = first.low === undefined ? base.robust_min : first.low;
        base.cal_max = first.high === undefined ? base.robust_max : first.high;
      } else { base.cal_min = one.low; base.cal_max = one.high; }
      draw();
    }

    state.open = async function (index) {
      choice.value = String(index);
      await show(index);
    };
    state.add = function (scene) {
      const known = scenes.findIndex((one) => one.name === scene.name);
      if (known >= 0) return known;
      scenes.push(scene);
      choice.append(element("option", { value: scenes.length - 1 }, scene.name));
      return scenes.length - 1;
    };
    choice.addEventListener("change", () => show(Number(choice.value)));
    layout.addEventListener("change", lay);
    level.addEventListener("change", () => window_(Number(level.value)));
    root.addEventListener("keydown", (event) => {
      if (event.target.tagName === "INPUT" || event.target.tagName === "SELECT") return;
      const step = { n: 1, p: -1 }[event.key];
      if (step) state.open((Number(choice.value) + step + scenes.length) % scenes.length);
      else if (event.key === "v") {
        layout.selectedIndex = (layout.selectedIndex + 1) % layout.options.length;
        layout.dispatchEvent(new Event("change"));
      } else if (/^[1-9]$/.test(event.key)) {
        const box = layers.querySelectorAll("input[type=checkbox]")[Number(event.key) - 1];
        if (box) { box.checked = !box.checked; box.dispatchEvent(new Event("change")); }
      }
    });
    state.started = nv.attachToCanvas(canvas).then(() => state, fail);
    return state;
  }

  return { create };
})();
