// Real and generated of one card play in step: one leads with its sound, the others follow without theirs.
for (const card of document.querySelectorAll("[data-card]")) {
  const videos = [...card.querySelectorAll("video[data-step]")];
  const lead = videos.find((one) => one.dataset.step === "lead") || videos[0];
  const button = card.querySelector("button");
  const head = card.querySelector(".head");
  if (!lead || !button) continue;
  const others = videos.filter((one) => one !== lead);
  others.forEach((one) => { one.muted = true; });
  const follow = () => {
    for (const one of others) {
      if (Math.abs(one.currentTime - lead.currentTime) > 0.06) one.currentTime = Math.min(lead.currentTime, one.duration || 0);
    }
  };
  const tick = () => {
    if (head && lead.duration) {
      head.style.display = "block";
      head.style.left = Math.min(100, 100 * lead.currentTime / Number(head.dataset.seconds)) + "%";
    }
    if (!lead.paused) { follow(); requestAnimationFrame(tick); }
  };
  lead.addEventListener("play", () => {
    for (const one of document.querySelectorAll("video")) if (!videos.includes(one)) one.pause();
    others.forEach((one) => { one.currentTime = lead.currentTime; one.play().catch(() => {}); });
    button.textContent = "Pause";
    tick();
  });
  lead.addEventListener("pause", () => {
    others.forEach((one) => one.pause());
    button.textContent = lead.ended ? "Play again" : "Play in step";
  });
  lead.addEventListener("seeked", () => { follow(); tick(); });
  button.addEventListener("click", () => { lead.paused ? lead.play() : lead.pause(); });
}
// A video that plays on its own silences the rest.
for (const alone of document.querySelectorAll("video[data-alone]")) {
  alone.addEventListener("play", () => {
    for (const one of document.querySelectorAll("video")) if (one !== alone) one.pause();
  });
}
