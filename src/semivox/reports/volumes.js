"use strict";
// Starts the viewer when a volume of a report is asked for: one in the page, or one in a file beside it.
(function () {
  const all = (query) => Array.from(document.querySelectorAll(query));

  // The viewer starts when it is first asked for.
  let viewer = null;
  async function started(button) {
    const root = document.getElementById("viewer"), place = button.closest(".shown, section");
    place.append(root);
    root.hidden = false;
    if (!viewer) {
      const content = JSON.parse(document.getElementById("viewer-scenes").textContent);
      viewer = semivoxViewer.create(root, content.scenes, content.windows);
    }
    if (viewer.started) await viewer.started;
    return Boolean(viewer.started);
  }
  async function open_(scene) {
    await viewer.open(scene);
    document.getElementById("viewer").scrollIntoView({ block: "nearest" });
  }
  all("button.volume").forEach((button) => button.addEventListener("click", async () => {
    if (await started(button)) await open_(Number(button.dataset.scene));
  }));

  // Volumes beside the page: a page without a server may not read files, but its reader may choose one.
  all("button.volume-file").forEach((button) => {
    const chooser = button.nextElementSibling, said = chooser.nextElementSibling;
    button.addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", async () => {
      said.textContent = "";
      let scene = null;
      try {
        scene = JSON.parse(await chooser.files[0].text());
        if (scene.kind !== "semivox volume" || !Array.isArray(scene.layers)) throw new Error();
      } catch (error) {
        said.textContent = "This is no volume of this report; choose the file that is named on the button.";
        return;
      }
      if (await started(button)) await open_(viewer.add(scene));
    });
  });
})();
