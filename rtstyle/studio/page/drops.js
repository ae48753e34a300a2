// What is dropped or pasted: paintings anywhere, films on their list.

export function takeDrops({ gallery, jobs, filmZone, hint }) {
  let depth = 0;
  const isFilm = (file) => file.type.startsWith("video/") || /\.(mp4|mov|mkv|webm|avi|m4v|ts|mpe?g)$/i.test(file.name);
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (hasFiles(event)) { depth += 1; hint.hidden = false; } });
  addEventListener("dragleave", (event) => { if (hasFiles(event) && (depth -= 1) <= 0) hint.hidden = true; });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    filmZone.classList.toggle("over", filmZone.contains(event.target));
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    hint.hidden = true;
    filmZone.classList.remove("over");
    const files = [...event.dataTransfer.files];
    const films = files.filter((file) => isFilm(file) || filmZone.contains(event.target));
    if (films.length) jobs.add(films);
    const paintings = files.filter((file) => !films.includes(file));
    if (paintings.length) gallery.add(paintings);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (files.length) { event.preventDefault(); gallery.add(files); }
  });
}
