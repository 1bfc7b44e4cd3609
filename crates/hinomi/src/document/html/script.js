(function(){
'use strict';
var root=document.documentElement;
document.getElementById('lang').addEventListener('click',function(){
  var next=root.getAttribute('data-lang')==='ja'?'en':'ja';
  root.setAttribute('data-lang',next);root.setAttribute('lang',next);
});
document.getElementById('theme').addEventListener('click',function(){
  var dark=root.getAttribute('data-theme')||(matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light');
  root.setAttribute('data-theme',dark==='dark'?'light':'dark');
});
addEventListener('beforeprint',function(){
  document.querySelectorAll('details').forEach(function(d){d.open=true;});
});
document.querySelectorAll('input[data-graph]').forEach(function(slider){
  var box=slider.closest('.graph'),now=box.querySelector('.step-now'),steps=box.parentNode.querySelectorAll('ol.steps > li.core');
  function show(){
    var at=Number(slider.value);
    box.querySelectorAll('[data-step]').forEach(function(e){e.classList.toggle('off',Number(e.getAttribute('data-step'))>at);});
    now.textContent='';
    var step=steps[at-1];
    if(step){
      now.appendChild(step.querySelector('time').cloneNode(true));
      now.appendChild(document.createTextNode(' '));
      now.appendChild(step.querySelector('.says').cloneNode(true));
    }
  }
  slider.addEventListener('input',show);show();
});
}());
